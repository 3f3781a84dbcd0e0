#include "runtime/file_io.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sstream>
#include <streambuf>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "runtime/error.h"

namespace afnet {

namespace {

std::string reason() {
    return std::strerror(errno);
}

// A file descriptor that closes itself.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const { return fd_; }
    bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

private:
    int fd_;
};

// Writes straight to a descriptor, so that the first failing write is seen with its reason.
class DescriptorBuffer : public std::streambuf {
public:
    explicit DescriptorBuffer(int fd) : fd_(fd) { setp(buffer_, buffer_ + sizeof buffer_); }
    int error() const { return error_; }

protected:
    int overflow(int c) override {
        if (!drain()) return traits_type::eof();
        if (c != traits_type::eof()) sputc(static_cast<char>(c));
        return 0;
    }
    int sync() override { return drain() ? 0 : -1; }
    std::streamsize xsputn(const char *s, std::streamsize n) override {
        if (n < epptr() - pptr()) return std::streambuf::xsputn(s, n);
        return drain() && put(s, static_cast<size_t>(n)) ? n : 0;
    }

private:
    bool drain() {
        const bool ok = put(pbase(), static_cast<size_t>(pptr() - pbase()));
        setp(buffer_, buffer_ + sizeof buffer_);
        return ok;
    }
    bool put(const char *s, size_t n) {
        while (n > 0) {
            const ssize_t done = ::write(fd_, s, n);
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) {
                error_ = done < 0 ? errno : ENOSPC;
                return false;
            }
            s += done;
            n -= static_cast<size_t>(done);
        }
        return true;
    }
    int fd_;
    int error_ = 0;
    char buffer_[1 << 16];
};

}  // namespace

MappedFile::MappedFile(const std::string &path) : path_(path) {
    Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd.get() < 0) throw Error(path + ": cannot open: " + reason());
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw Error(path + ": cannot open: " + reason());
    if (!S_ISREG(status.st_mode)) throw Error(path + ": not a regular file");
    size_ = static_cast<size_t>(status.st_size);
    if (size_ == 0) return;
    void *mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (mapped == MAP_FAILED) throw Error(path + ": cannot map into memory: " + reason());
    data_ = static_cast<const unsigned char *>(mapped);
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
    std::swap(path_, other.path_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

MappedFile::~MappedFile() {
    if (data_) ::munmap(const_cast<unsigned char *>(data_), size_);
}

void MappedFile::release_pages() const {
    if (data_) ::madvise(const_cast<unsigned char *>(data_), size_, MADV_DONTNEED);
}

void MappedFile::release_pages(const unsigned char *begin, size_t bytes) const {
    const size_t page = size_t(::sysconf(_SC_PAGESIZE));
    const size_t first = (size_t(begin - data_) + page - 1) / page * page;
    const size_t end = size_t(begin - data_ + bytes) / page * page;
    if (end > first) ::madvise(const_cast<unsigned char *>(data_) + first, end - first, MADV_DONTNEED);
}

namespace {

// Lets `write` fill the descriptor; gives back what went wrong, empty if nothing did.
std::string fill(int fd, const std::function<void(std::ostream &)> &write) {
    DescriptorBuffer buffer(fd);
    std::ostream stream(&buffer);
    write(stream);
    stream.flush();
    return stream ? "" : std::strerror(buffer.error() ? buffer.error() : EIO);
}

bool is_link(const std::string &path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

// Pipes and devices are written to as they are: a rename would put a file in their place. So are open files by another
// name, such as /dev/stdout, whatever they are redirected to.
bool is_special(const std::string &path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || S_ISDIR(status.st_mode)) return false;
    const bool system_link = is_link(path) && (path.rfind("/dev/", 0) == 0 || path.rfind("/proc/", 0) == 0);
    return !S_ISREG(status.st_mode) || system_link;
}

// Where a file is that is reached through a symbolic link, which stays.
std::string link_target(const std::string &path) {
    const std::unique_ptr<char, decltype(&std::free)> target(::realpath(path.c_str(), nullptr), std::free);
    return target && is_link(path) ? target.get() : path;
}

void write_special(const std::string &path, const std::function<void(std::ostream &)> &write) {
    Descriptor fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    const std::string fault = fd.get() < 0 ? reason() : fill(fd.get(), write);
    if (!fault.empty()) throw Error(path + ": cannot write: " + fault);
}

}  // namespace

void write_file(const std::string &path, const std::function<void(std::ostream &)> &write) {
    if (is_special(path)) return write_special(path, write);
    const std::string target = link_target(path);
    std::string temporary = target + ".tmpXXXXXX";
    Descriptor fd(::mkstemp(temporary.data()));
    if (fd.get() < 0) throw Error(path + ": cannot write: " + reason());
    std::string fault;
    try {
        fault = fill(fd.get(), write);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (fault.empty() && (::fchmod(fd.get(), 0666 & ~mask) != 0 || ::fsync(fd.get()) != 0 || !fd.close() ||
                          ::rename(temporary.c_str(), target.c_str()) != 0)) {
        fault = reason();
    }
    if (fault.empty()) return;
    ::unlink(temporary.c_str());
    throw Error(path + ": cannot write: " + fault + "; nothing was changed");
}

void write_file(const std::string &path, const std::string &contents) {
    write_file(path, [&](std::ostream &out) { out.write(contents.data(), std::streamsize(contents.size())); });
}

std::string read_file(const std::string &path, size_t max_bytes) {
    const MappedFile file(path);
    if (file.size() > max_bytes) {
        throw Error(path + ": " + std::to_string(file.size()) + " bytes is too large; at most " +
                    std::to_string(max_bytes) + " expected");
    }
    return std::string(reinterpret_cast<const char *>(file.data()), file.size());
}

}  // namespace afnet
