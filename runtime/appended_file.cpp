#include "runtime/appended_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "runtime/error.h"

namespace afnet {

AppendedFile::AppendedFile(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666)) {
    if (fd_ < 0) fail("cannot open", errno);
    struct stat status {};
    if (::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) return;
    ::close(fd_);
    throw Error(path_ + ": not a regular file");
}

AppendedFile::AppendedFile(AppendedFile &&other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

AppendedFile::~AppendedFile() {
    if (fd_ >= 0) ::close(fd_);
}

uint64_t AppendedFile::size() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("cannot read", errno);
    return uint64_t(status.st_size);
}

std::string AppendedFile::contents() const {
    std::string text(size(), '\0');
    size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::pread(fd_, text.data() + done, text.size() - done, off_t(done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("cannot read", errno);
        if (n == 0) break; // cut by another process meanwhile
        done += size_t(n);
    }
    text.resize(done);
    return text;
}

void AppendedFile::append(const std::string &bytes) {
    const uint64_t before = size();
    ssize_t written = 0;
    do {
        written = ::write(fd_, bytes.data(), bytes.size());
    } while (written < 0 && errno == EINTR);
    int reason = written < 0 ? errno : ENOSPC;
    if (written == ssize_t(bytes.size())) {
        if (::fdatasync(fd_) == 0) return;
        reason = errno;
    }
    if (::ftruncate(fd_, off_t(before)) != 0) {
        // What is torn is cut off when the file is opened the next time.
    }
    fail("cannot write", reason);
}

void AppendedFile::cut(uint64_t size) {
    if (::ftruncate(fd_, off_t(size)) != 0) fail("cannot cut off its end", errno);
}

void AppendedFile::fail(const char *what, int reason) const {
    throw Error(path_ + ": " + what + ": " + std::strerror(reason));
}

} // namespace afnet
