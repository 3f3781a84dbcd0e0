// TensorBoard's event files: records of a step, a time and named numbers, each framed with checksums (TFRecord).
//
//   u64 length | u32 masked CRC-32C of the length | length bytes: an Event | u32 masked CRC-32C of these bytes
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/appended_file.h"

namespace afnet {

/// The checksum of Castagnoli's polynomial, as in RFC 3720.
uint32_t crc32c(std::string_view bytes);
/// The same, rotated and shifted as TFRecord stores it.
uint32_t masked_crc32c(std::string_view bytes);

/// One Event: either the file's version, which comes first, or numbers of a step.
struct EventRecord {
    double wall_time = 0; // seconds since 1970
    int64_t step = 0;
    std::string file_version;
    std::vector<std::pair<std::string, float>> scalars; // tag and value
};

/// The framed bytes of a record.
std::string encode_event(const EventRecord &record);
/// The record at the start of `bytes`, which then begin behind it; nothing, and `bytes` as they were, where they are
/// cut short, a checksum is wrong, or what is framed is no Event.
std::optional<EventRecord> decode_event(std::string_view &bytes);

/// An event file, open for appending.
class EventFile {
public:
    /// Opens or makes the file and cuts it before its first torn record, and before the first one of `first_step` or
    /// later, which will be written again.
    EventFile(const std::string &path, int64_t first_step);

    uint64_t size() const { return file_.size(); }
    /// Throws Error when the record cannot be written; the file is then as it was.
    void append(const EventRecord &record) { file_.append(encode_event(record)); }
    void cut(uint64_t size) { file_.cut(size); }

private:
    AppendedFile file_;
};

} // namespace afnet
