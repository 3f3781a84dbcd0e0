#include "autotune/tuning_log.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kFormat = "afnet-tuning/1";

// The log's descriptor, locked against other processes for as long as this lives.
class LockedFile {
public:
    explicit LockedFile(const std::string &path)
        : path_(path), fd_(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
        if (fd_ < 0) fail();
        while (::flock(fd_, LOCK_EX) != 0) {
            if (errno == EINTR) continue;
            const int reason = errno;
            ::close(fd_);
            errno = reason;
            fail();
        }
    }
    ~LockedFile() { ::close(fd_); }
    LockedFile(const LockedFile &) = delete;
    LockedFile &operator=(const LockedFile &) = delete;

    bool ends_in_a_line() const {
        const off_t size = ::lseek(fd_, 0, SEEK_END);
        char last = '\n';
        return size <= 0 || (::pread(fd_, &last, 1, size - 1) == 1 && last == '\n');
    }

    // All of the text or none of it.
    void append(const std::string &text) const {
        const off_t size = ::lseek(fd_, 0, SEEK_END);
        const ssize_t written = ::write(fd_, text.data(), text.size());
        if (written == ssize_t(text.size())) return;
        const int reason = written < 0 ? errno : ENOSPC;
        if (size >= 0 && ::ftruncate(fd_, size) != 0) errno = reason;
        errno = reason;
        fail();
    }

private:
    [[noreturn]] void fail() const { throw Error(path_ + ": cannot write: " + std::strerror(errno)); }

    std::string path_;
    int fd_;
};

} // namespace

std::string utc_time() {
    const std::time_t time = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

TuningLog::TuningLog(std::string path) : path_(std::move(path)) {
    std::error_code error;
    if (!std::filesystem::exists(path_, error)) return;
    std::istringstream lines(read_file(path_));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) continue;
        try {
            const Json json = Json::parse(line);
            if (json.at("format") != kFormat) throw Error("another format");
            found_[json.at("key").get<std::string>()] = measurement_from(json);
        } catch (const std::exception &) {
            unreadable_++;
        }
    }
    // One line may be what a killed process left; a file of others is something else.
    if (found_.empty() && unreadable_ > 1) throw Error(path_ + ": not a log of `afnet tune`; name another with --log");
}

const Measurement *TuningLog::find(const std::string &key) const {
    const auto found = found_.find(key);
    return found == found_.end() ? nullptr : &found->second;
}

void TuningLog::append(const std::string &key, const Json &context, const Measurement &measurement) {
    Json line = {{"format", kFormat}, {"key", key}, {"time", utc_time()}};
    if (!context.empty()) line.update(context);
    line.update(measurement_json(measurement));
    const std::string text = json_text(line) + "\n";
    const LockedFile file(path_);
    file.append((file.ends_in_a_line() ? "" : "\n") + text);
    found_[key] = measurement;
}

} // namespace afnet
