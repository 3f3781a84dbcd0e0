// Files in and out, without half-written results: a file appears under its name only when it is complete.
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>

namespace afnet {

/// A read-only view of a whole file, mapped into memory. Movable.
class MappedFile {
public:
    /// Throws Error when `path` cannot be opened, is not a regular file, or cannot be mapped. An empty file maps to
    /// size() == 0.
    explicit MappedFile(const std::string &path);
    MappedFile(MappedFile &&other) noexcept;
    MappedFile &operator=(MappedFile &&other) noexcept;
    ~MappedFile();

    const unsigned char *data() const { return data_; }
    size_t size() const { return size_; }
    const std::string &path() const { return path_; }

    /// Tells the kernel that the pages read so far may be dropped from memory; they are read again on next use.
    void release_pages() const;
    /// The same for the pages that lie wholly in `bytes` bytes of data() from `begin`.
    void release_pages(const unsigned char *begin, size_t bytes) const;

private:
    std::string path_;
    const unsigned char *data_ = nullptr;
    size_t size_ = 0;
};

/// Writes `path` through `write(stream)`: into a temporary name beside it, flushed to disk, then renamed. Throws Error
/// (and leaves neither the temporary file nor a changed `path`) when anything fails: no such folder, read-only, disk
/// full. A symbolic link stays, and the file behind it is replaced; pipes, devices and open files by names such as
/// /dev/stdout are written to as they are.
void write_file(const std::string &path, const std::function<void(std::ostream &)> &write);

/// The same for contents at hand.
void write_file(const std::string &path, const std::string &contents);

/// The whole of a text file. Throws Error when it cannot be read or is larger than `max_bytes`.
std::string read_file(const std::string &path, size_t max_bytes = size_t(1) << 30);

}  // namespace afnet
