// What the tests of the file formats share: a folder of their own, fixtures, and the message of a refusal.
#pragma once

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>

#include "runtime/error.h"

namespace afnet_test {

/// A folder that goes when the test ends.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "afnet-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~ScratchFolder() { std::filesystem::remove_all(path_); }
    ScratchFolder(const ScratchFolder &) = delete;
    ScratchFolder &operator=(const ScratchFolder &) = delete;

    std::string operator/(const std::string &name) const { return (path_ / name).string(); }
    size_t files() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {})); }

private:
    std::filesystem::path path_;
};

/// The path of tests/fixtures/<name>.
inline std::string fixture(const std::string &name) {
    return std::string(AFNET_FIXTURES) + "/" + name;
}

inline std::string contents_of(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE(in);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

inline const unsigned char *bytes_of(const std::string &text) {
    return reinterpret_cast<const unsigned char *>(text.data());
}

/// `value` in `width` bytes, the least significant one first.
inline std::string little_endian(uint64_t value, size_t width) {
    return std::string(reinterpret_cast<const char *>(&value), width);
}

/// The message of the Error that `action` throws.
template <typename Action> std::string refusal(Action action) {
    try {
        action();
    } catch (const afnet::Error &error) {
        return error.what();
    }
    FAIL("nothing was refused");
    return "";
}

/// Runs `action` while no file may grow beyond `bytes`, as on a full disk.
template <typename Action> void with_full_disk(rlim_t bytes, Action action) {
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit limit{bytes, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    try {
        action();
    } catch (...) {
        ::setrlimit(RLIMIT_FSIZE, &before);
        std::signal(SIGXFSZ, ignored);
        throw;
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, ignored);
}

/// Values at which counts, sizes and offsets go wrong.
constexpr uint64_t boundary_values[] = {0,
                                        1,
                                        0x7f,
                                        0xff,
                                        0x7fff,
                                        0xffff,
                                        0x7fffffff,
                                        0x80000000,
                                        0xffffffff,
                                        0x100000000,
                                        0x7fffffffffffffff,
                                        0x8000000000000000,
                                        0xfffffffffffffff8,
                                        0xffffffffffffffff};

} // namespace afnet_test
