// A file that only grows, whole pieces at a time: what a log is made of.
#pragma once

#include <cstdint>
#include <string>

namespace afnet {

/// Open for appending. Movable. Errors name the file.
class AppendedFile {
public:
    /// Makes the file where there is none. Throws Error when it cannot be opened or is not a regular file.
    explicit AppendedFile(std::string path);
    AppendedFile(AppendedFile &&other) noexcept;
    AppendedFile &operator=(AppendedFile &&) = delete;
    ~AppendedFile();

    const std::string &path() const { return path_; }
    uint64_t size() const;
    /// All that the file holds. Throws Error when it cannot be read.
    std::string contents() const;

    /// Adds `bytes` in a single write, and waits until the disk has them. Throws Error when that fails; the file is
    /// then as it was.
    void append(const std::string &bytes);
    /// Cuts off what lies behind the first `size` bytes.
    void cut(uint64_t size);

private:
    [[noreturn]] void fail(const char *what, int reason) const;

    std::string path_;
    int fd_ = -1;
};

} // namespace afnet
