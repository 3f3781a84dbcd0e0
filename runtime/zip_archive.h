// Zip archives whose entries are stored uncompressed, which is how PyTorch wraps its checkpoints. Read only, in place,
// and strict: an archive that two readers could understand differently is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace afnet {

/// One file in an archive; `data` lies in the memory that the archive was opened over, at any alignment.
struct ZipEntry {
    std::string name;
    const unsigned char *data;
    size_t size;
    uint32_t crc32; // as the archive states it; see ZipArchive::verify
};

class ZipArchive {
public:
    /// Reads the directory of the archive in `size` bytes at `data`, which outlive this object; `path` only appears in
    /// messages. Handles zip64.
    /// Throws Error when no directory ends the archive or it does not add up; when there are more than 1,000,000
    /// entries, a name beyond 4096 bytes or one that appears twice; and for an entry that is compressed, encrypted, on
    /// another disk, out of range, at odds with its local header, or that shares bytes with another.
    ZipArchive(const unsigned char *data, size_t size, const std::string &path);

    /// All entries, in the order of the directory.
    const std::vector<ZipEntry> &entries() const { return entries_; }
    /// The entry of that name, or nullptr. Names are compared as bytes; no path in them is ever followed.
    const ZipEntry *find(const std::string &name) const;
    /// Throws Error when the contents of `entry` do not match its CRC-32. Reads all of it. A CRC-32 of 0 matches
    /// anything: that is what torch.save writes under torch.serialization.set_crc32_options(False).
    void verify(const ZipEntry &entry) const;

private:
    std::string path_;
    std::vector<ZipEntry> entries_;
    std::map<std::string, size_t> index_;
};

/// The CRC-32 of zip and PNG: reflected polynomial 0xEDB88320.
uint32_t crc32(const unsigned char *data, size_t size);

} // namespace afnet
