// Zip archives made to measure, with the places of their records, for tests that then break them.
#pragma once

#include <string>
#include <vector>

#include "runtime/zip_archive.h"
#include "tests/runtime/file_checks.h"

namespace afnet_test {

struct BuiltZip {
    std::string bytes;
    std::vector<size_t> local, central; // of each entry
    size_t end64 = 0, locator = 0;      // zip64 only
    size_t end = 0;

    /// Overwrites `width` bytes at `at` with a number.
    BuiltZip &put(size_t at, uint64_t value, size_t width) {
        bytes.replace(at, width, little_endian(value, width));
        return *this;
    }
};

struct ZipContents {
    std::string name, data;
    std::string extra = ""; // of the directory's record
};

inline std::string zip_record(uint32_t signature, const std::vector<std::pair<uint64_t, size_t>> &fields) {
    std::string record = little_endian(signature, 4);
    for (const auto &[value, width] : fields)
        record += little_endian(value, width);
    return record;
}

/// An archive of stored entries as torch.save lays it out, with zip64 end records if `zip64`.
inline BuiltZip build_zip(const std::vector<ZipContents> &contents, bool zip64 = false) {
    BuiltZip zip;
    std::string directory;
    for (const auto &[name, data, extra] : contents) {
        zip.local.push_back(zip.bytes.size());
        zip.central.push_back(directory.size());
        const uint64_t crc = afnet::crc32(bytes_of(data), data.size());
        directory += zip_record(0x02014b50, {{0, 2},
                                             {0, 2},
                                             {0, 2},
                                             {0, 2},
                                             {0, 4},
                                             {crc, 4},
                                             {data.size(), 4},
                                             {data.size(), 4},
                                             {name.size(), 2},
                                             {extra.size(), 2},
                                             {0, 2},
                                             {0, 2},
                                             {0, 2},
                                             {0, 4},
                                             {zip.bytes.size(), 4}});
        directory += name + extra;
        zip.bytes += zip_record(
            0x04034b50,
            {{0, 2}, {0, 2}, {0, 2}, {0, 4}, {crc, 4}, {data.size(), 4}, {data.size(), 4}, {name.size(), 2}, {0, 2}});
        zip.bytes += name + data;
    }
    const uint64_t count = contents.size(), at = zip.bytes.size();
    for (size_t &central : zip.central)
        central += at;
    zip.bytes += directory;
    if (zip64) {
        zip.end64 = zip.bytes.size();
        zip.bytes += zip_record(
            0x06064b50,
            {{44, 8}, {0, 2}, {0, 2}, {0, 4}, {0, 4}, {count, 8}, {count, 8}, {directory.size(), 8}, {at, 8}});
        zip.locator = zip.bytes.size();
        zip.bytes += zip_record(0x07064b50, {{0, 4}, {zip.end64, 8}, {1, 4}});
    }
    zip.end = zip.bytes.size();
    zip.bytes +=
        zip_record(0x06054b50, {{0, 2}, {0, 2}, {count, 2}, {count, 2}, {directory.size(), 4}, {at, 4}, {0, 2}});
    return zip;
}

} // namespace afnet_test
