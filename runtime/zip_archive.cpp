#include "runtime/zip_archive.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// Sizes of the fixed parts of the records, and the signatures they start with (APPNOTE.TXT 4.3).
constexpr uint64_t local_bytes = 30, central_bytes = 46, end_bytes = 22, end64_bytes = 56, locator_bytes = 20;
constexpr uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50, end_signature = 0x06054b50,
                   end64_signature = 0x06064b50, locator_signature = 0x07064b50;
constexpr uint64_t max_entries = 1'000'000, max_name_bytes = 4096, max_comment_bytes = 0xffff;
// What a 16- or 32-bit field holds when the zip64 record has the value.
constexpr uint64_t see_zip64_16 = 0xffff, see_zip64_32 = 0xffffffff;

// The directory as its end record describes it.
struct Directory {
    uint64_t entries, bytes, offset;
};

// An entry as the directory describes it.
struct CentralEntry {
    std::string name;
    uint64_t flags, method, disk, packed_bytes, bytes, local_offset;
    uint32_t crc32;
};

class DirectoryReader {
public:
    DirectoryReader(const unsigned char *data, size_t size, const std::string &path)
        : data_(data), size_(size), path_(path) {}

    std::vector<ZipEntry> read();

private:
    // `position` and the bytes behind it are in range: callers check.
    template <typename T> T load(uint64_t position) const {
        T value;
        std::memcpy(&value, data_ + position, sizeof value);
        return value;
    }
    uint64_t u16(uint64_t position) const { return load<uint16_t>(position); }
    uint64_t u32(uint64_t position) const { return load<uint32_t>(position); }
    uint64_t u64(uint64_t position) const { return load<uint64_t>(position); }

    [[noreturn]] void refuse(const std::string &what, const std::string &expected) const {
        throw Error(path_ + ": " + what + "; " + expected + " expected. The file is damaged or incomplete: copy it " +
                    "again, or save it again with torch.save");
    }
    uint64_t find_end() const;
    std::optional<uint64_t> find_end64(uint64_t end) const;
    Directory directory() const;
    CentralEntry central_entry(uint64_t &position, uint64_t end) const;
    void apply_zip64(CentralEntry &entry, uint64_t position, uint64_t bytes) const;
    void check_supported(const CentralEntry &entry) const;
    uint64_t data_offset(const CentralEntry &entry, uint64_t directory_offset) const;

    const unsigned char *data_;
    uint64_t size_;
    const std::string &path_;
};

// The end record is the last one whose comment reaches exactly to the end of the file.
uint64_t DirectoryReader::find_end() const {
    if (size_ >= end_bytes) {
        const uint64_t last = size_ - end_bytes;
        const uint64_t first = last > max_comment_bytes ? last - max_comment_bytes : 0;
        for (uint64_t position = last + 1; position-- > first;) {
            if (u32(position) == end_signature && u16(position + 20) == last - position) return position;
        }
    }
    refuse("the directory of the zip archive is missing", "one at the end of the file");
}

std::optional<uint64_t> DirectoryReader::find_end64(uint64_t end) const {
    if (end < locator_bytes || u32(end - locator_bytes) != locator_signature) return std::nullopt;
    const uint64_t locator = end - locator_bytes, position = u64(locator + 8);
    const bool in_range = locator >= end64_bytes && position <= locator - end64_bytes;
    if (!in_range || u32(position) != end64_signature || u64(position + 4) != locator - position - 12) {
        refuse("the zip64 end record is said to be at byte " + std::to_string(position),
               "one right before its locator");
    }
    if (u32(locator + 4) != 0 || u32(locator + 16) > 1 || u32(position + 16) != 0 || u32(position + 20) != 0 ||
        u64(position + 24) != u64(position + 32)) {
        refuse("the zip archive spans several disks", "a single file");
    }
    return position;
}

Directory DirectoryReader::directory() const {
    uint64_t end = find_end();
    if (u16(end + 4) != 0 || u16(end + 6) != 0 || u16(end + 8) != u16(end + 10)) {
        refuse("the zip archive spans several disks", "a single file");
    }
    Directory result{u16(end + 10), u32(end + 12), u32(end + 16)};
    if (const std::optional<uint64_t> end64 = find_end64(end)) {
        const Directory wide{u64(*end64 + 32), u64(*end64 + 40), u64(*end64 + 48)};
        if ((result.entries != see_zip64_16 && result.entries != wide.entries) ||
            (result.bytes != see_zip64_32 && result.bytes != wide.bytes) ||
            (result.offset != see_zip64_32 && result.offset != wide.offset)) {
            refuse("the zip and zip64 end records differ", "the same directory in both");
        }
        result = wide;
        end = *end64;
    }
    if (result.entries > max_entries) {
        refuse("the zip archive has " + std::to_string(result.entries) + " entries", "at most 1000000");
    }
    if (result.bytes > end || result.offset != end - result.bytes) {
        refuse("the zip directory is said to have " + std::to_string(result.bytes) + " bytes at byte " +
                   std::to_string(result.offset),
               "an end at byte " + std::to_string(end) + ", where its end record starts,");
    }
    return result;
}

// Reads the directory's record at `position` and moves on to the next; the directory ends at `end`.
CentralEntry DirectoryReader::central_entry(uint64_t &position, uint64_t end) const {
    if (end - position < central_bytes || u32(position) != central_signature) {
        refuse("the zip directory is broken at byte " + std::to_string(position), "the record of an entry");
    }
    const uint64_t name_bytes = u16(position + 28), extra_bytes = u16(position + 30), comment = u16(position + 32);
    if (end - position - central_bytes < name_bytes + extra_bytes + comment) {
        refuse("the zip directory is broken at byte " + std::to_string(position), "a record that ends with it at most");
    }
    const uint64_t name = position + central_bytes;
    CentralEntry entry{std::string(reinterpret_cast<const char *>(data_ + name), name_bytes),
                       u16(position + 8),  // flags
                       u16(position + 10), // method
                       u16(position + 34), // disk
                       u32(position + 20), // packed_bytes
                       u32(position + 24), // bytes
                       u32(position + 42), // local_offset
                       load<uint32_t>(position + 16)};
    if (name_bytes > max_name_bytes) {
        refuse("entry " + printable(entry.name) + " has a name of " + std::to_string(name_bytes) + " bytes",
               "at most 4096");
    }
    apply_zip64(entry, name + name_bytes, extra_bytes);
    position = name + name_bytes + extra_bytes + comment;
    return entry;
}

// Fields too narrow for their value say so; the extra field of kind 1 then holds those, and only those, in this order.
void DirectoryReader::apply_zip64(CentralEntry &entry, uint64_t position, uint64_t bytes) const {
    const uint64_t end = position + bytes;
    bool wide[] = {entry.bytes == see_zip64_32, entry.packed_bytes == see_zip64_32, entry.local_offset == see_zip64_32};
    uint64_t *const fields[] = {&entry.bytes, &entry.packed_bytes, &entry.local_offset};
    if (!wide[0] && !wide[1] && !wide[2]) return;
    while (end - position >= 4) {
        const uint64_t kind = u16(position), length = u16(position + 2);
        position += 4;
        if (length > end - position) break;
        if (kind != 1) {
            position += length;
            continue;
        }
        const uint64_t field_end = position + length;
        for (size_t i = 0; i < 3; ++i) {
            if (!wide[i] || field_end - position < 8) continue;
            *fields[i] = u64(position);
            wide[i] = false;
            position += 8;
        }
        break;
    }
    if (wide[0] || wide[1] || wide[2]) {
        refuse("entry " + printable(entry.name) + " has no zip64 field for its size or place", "one");
    }
}

void DirectoryReader::check_supported(const CentralEntry &entry) const {
    constexpr uint64_t encrypted = 1U << 0 | 1U << 6 | 1U << 13, patch = 1U << 5;
    const std::string what = "entry " + printable(entry.name);
    if (entry.flags & encrypted) refuse(what + " is encrypted", "a stored entry, as torch.save makes it,");
    if (entry.method != 0 || (entry.flags & patch)) {
        throw Error(path_ + ": " + what + " is compressed (method " + std::to_string(entry.method) +
                    "); a stored entry, as torch.save makes it, expected. Save the state_dict again with torch.save; " +
                    "an archive packed by another program, or of TorchScript, will not do");
    }
    if (entry.disk != 0) refuse(what + " is on disk " + std::to_string(entry.disk), "a single file");
    if (entry.packed_bytes != entry.bytes) {
        refuse(what + " has " + std::to_string(entry.packed_bytes) + " bytes stored for " + std::to_string(entry.bytes),
               "as many");
    }
}

// Where the contents start: behind the local header, which repeats part of the directory's record. All of it has to lie
// before the directory.
uint64_t DirectoryReader::data_offset(const CentralEntry &entry, uint64_t directory_offset) const {
    const std::string what = "entry " + printable(entry.name);
    const uint64_t local = entry.local_offset;
    if (local > directory_offset || directory_offset - local < local_bytes) {
        refuse(what + " is said to be at byte " + std::to_string(local),
               "a place before the directory at byte " + std::to_string(directory_offset));
    }
    if (u32(local) != local_signature) {
        refuse(what + " is said to be at byte " + std::to_string(local), "a local header there");
    }
    const uint64_t name_bytes = u16(local + 26), start = local + local_bytes + name_bytes + u16(local + 28);
    if (start > directory_offset || directory_offset - start < entry.bytes) {
        refuse(what + " is said to have " + std::to_string(entry.bytes) + " bytes at byte " + std::to_string(start),
               "an end before the directory at byte " + std::to_string(directory_offset));
    }
    const std::string name(reinterpret_cast<const char *>(data_ + local + local_bytes), name_bytes);
    if (name != entry.name) refuse(what + " has the name " + printable(name) + " in its local header", "the same name");
    // Sizes in the local header may be absent (0, with flag 3) or in its own zip64 field; otherwise they are the same.
    const uint64_t flags = u16(local + 6), packed_bytes = u32(local + 18);
    const bool size_known = !(flags & 8U) && packed_bytes != see_zip64_32;
    if (u16(local + 8) != entry.method || ((flags ^ entry.flags) & 1U) || (size_known && packed_bytes != entry.bytes)) {
        refuse(what + " has another size or kind in its local header", "the same as in the directory");
    }
    return start;
}

std::vector<ZipEntry> DirectoryReader::read() {
    struct Span {
        uint64_t begin, end;
        size_t entry;
    };
    const Directory where = directory();
    const uint64_t end = where.offset + where.bytes;
    std::vector<ZipEntry> entries;
    std::vector<Span> spans;
    uint64_t position = where.offset;
    for (uint64_t i = 0; i < where.entries; ++i) {
        CentralEntry entry = central_entry(position, end);
        check_supported(entry);
        const uint64_t start = data_offset(entry, where.offset);
        spans.push_back({entry.local_offset, start + entry.bytes, entries.size()});
        entries.push_back({std::move(entry.name), data_ + start, static_cast<size_t>(entry.bytes), entry.crc32});
    }
    if (position != end) {
        refuse("the zip directory goes on behind its " + std::to_string(where.entries) + " entries", "its end");
    }
    std::sort(spans.begin(), spans.end(), [](const Span &a, const Span &b) { return a.begin < b.begin; });
    for (size_t i = 1; i < spans.size(); ++i) {
        if (spans[i].begin >= spans[i - 1].end) continue;
        refuse("entry " + printable(entries[spans[i].entry].name) + " overlaps entry " +
                   printable(entries[spans[i - 1].entry].name),
               "entries with bytes of their own");
    }
    return entries;
}

constexpr std::array<uint32_t, 256> crc32_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1) ^ (value & 1 ? 0xedb88320U : 0U);
        table[i] = value;
    }
    return table;
}

} // namespace

ZipArchive::ZipArchive(const unsigned char *data, size_t size, const std::string &path)
    : path_(path), entries_(DirectoryReader(data, size, path).read()) {
    for (size_t i = 0; i < entries_.size(); ++i) {
        if (index_.emplace(entries_[i].name, i).second) continue;
        throw Error(path + ": entry " + printable(entries_[i].name) +
                    " appears twice in the zip archive; one entry for a " +
                    "name expected. Save the file again with torch.save");
    }
}

const ZipEntry *ZipArchive::find(const std::string &name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &entries_[found->second];
}

void ZipArchive::verify(const ZipEntry &entry) const {
    if (entry.crc32 == 0) return;
    const uint32_t actual = crc32(entry.data, entry.size);
    if (actual == entry.crc32) return;
    throw Error(path_ + ": entry " + printable(entry.name) + " has CRC-32 " + std::to_string(actual) + "; " +
                std::to_string(entry.crc32) + " expected. The file is damaged: copy it again");
}

uint32_t crc32(const unsigned char *data, size_t size) {
    static constexpr std::array<uint32_t, 256> table = crc32_table();
    uint32_t value = 0xffffffffU;
    for (size_t i = 0; i < size; ++i)
        value = (value >> 8) ^ table[(value ^ data[i]) & 0xffU];
    return ~value;
}

} // namespace afnet
