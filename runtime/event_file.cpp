#include "runtime/event_file.h"

#include <array>
#include <chrono>
#include <cstring>

namespace afnet {

namespace {

constexpr const char *kVersion = "brain.Event:2";
constexpr size_t kFrameBytes = 16; // length and both checksums

std::array<uint32_t, 256> crc_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ (value & 1 ? 0x82f63b78U : 0);
        table[i] = value;
    }
    return table;
}

template <class T> std::string stored(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

template <class T> T loaded(std::string_view bytes) {
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

// Fields of a protobuf message. A tag is the field's number and how its value is stored.
enum class Wire : uint64_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

std::string varint(uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7)
        bytes += char(value | 0x80);
    return bytes + char(value);
}

std::string tag(uint64_t field, Wire wire) {
    return varint(field << 3 | uint64_t(wire));
}

std::string bytes_field(uint64_t field, const std::string &bytes) {
    return tag(field, Wire::Bytes) + varint(bytes.size()) + bytes;
}

struct Field {
    uint64_t number = 0;
    Wire wire = Wire::Varint;
    uint64_t value = 0;     // of a varint
    std::string_view bytes; // of the others
};

bool take_varint(std::string_view &bytes, uint64_t &value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        value |= uint64_t(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

bool take_field(std::string_view &message, Field &field) {
    uint64_t key = 0;
    if (!take_varint(message, key)) return false;
    field.number = key >> 3;
    field.wire = Wire(key & 7);
    uint64_t length = 0;
    switch (field.wire) {
    case Wire::Varint:
        return take_varint(message, field.value);
    case Wire::Fixed64:
        length = 8;
        break;
    case Wire::Fixed32:
        length = 4;
        break;
    case Wire::Bytes:
        if (!take_varint(message, length)) return false;
        break;
    default:
        return false;
    }
    if (length > message.size()) return false;
    field.bytes = message.substr(0, length);
    message.remove_prefix(length);
    return true;
}

// Summary.Value: 1 tag, 2 simple_value. Unknown fields are skipped, here and below, as protobuf does.
bool parse_value(std::string_view message, std::pair<std::string, float> &scalar) {
    Field field;
    while (!message.empty()) {
        if (!take_field(message, field)) return false;
        if (field.number == 1 && field.wire == Wire::Bytes) scalar.first = field.bytes;
        if (field.number == 2 && field.wire == Wire::Fixed32) scalar.second = loaded<float>(field.bytes);
    }
    return true;
}

// Summary: 1 value, repeated.
bool parse_summary(std::string_view message, EventRecord &record) {
    Field field;
    while (!message.empty()) {
        if (!take_field(message, field)) return false;
        if (field.number != 1 || field.wire != Wire::Bytes) continue;
        record.scalars.emplace_back();
        if (!parse_value(field.bytes, record.scalars.back())) return false;
    }
    return true;
}

// Event: 1 wall_time, 2 step, 3 file_version, 5 summary.
bool parse_event(std::string_view message, EventRecord &record) {
    Field field;
    while (!message.empty()) {
        if (!take_field(message, field)) return false;
        if (field.number == 1 && field.wire == Wire::Fixed64) record.wall_time = loaded<double>(field.bytes);
        if (field.number == 2 && field.wire == Wire::Varint) record.step = int64_t(field.value);
        if (field.number == 3 && field.wire == Wire::Bytes) record.file_version = field.bytes;
        if (field.number == 5 && field.wire == Wire::Bytes && !parse_summary(field.bytes, record)) return false;
    }
    return true;
}

std::string event_message(const EventRecord &record) {
    std::string message = tag(1, Wire::Fixed64) + stored(record.wall_time);
    if (record.step != 0) message += tag(2, Wire::Varint) + varint(uint64_t(record.step));
    if (!record.file_version.empty()) message += bytes_field(3, record.file_version);
    std::string summary;
    for (const auto &[name, value] : record.scalars) {
        summary += bytes_field(1, bytes_field(1, name) + tag(2, Wire::Fixed32) + stored(value));
    }
    return summary.empty() ? message : message + bytes_field(5, summary);
}

double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

uint32_t crc32c(std::string_view bytes) {
    static const std::array<uint32_t, 256> table = crc_table();
    uint32_t crc = ~0U;
    for (const char c : bytes)
        crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
    return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) {
    const uint32_t crc = crc32c(bytes);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

std::string encode_event(const EventRecord &record) {
    const std::string message = event_message(record), length = stored(uint64_t(message.size()));
    return length + stored(masked_crc32c(length)) + message + stored(masked_crc32c(message));
}

std::optional<EventRecord> decode_event(std::string_view &bytes) {
    if (bytes.size() < kFrameBytes || loaded<uint32_t>(bytes.substr(8)) != masked_crc32c(bytes.substr(0, 8))) return {};
    const uint64_t length = loaded<uint64_t>(bytes);
    if (length > bytes.size() - kFrameBytes) return {};
    const std::string_view message = bytes.substr(12, length);
    EventRecord record;
    if (loaded<uint32_t>(bytes.substr(12 + length)) != masked_crc32c(message) || !parse_event(message, record)) {
        return {};
    }
    bytes.remove_prefix(kFrameBytes + length);
    return record;
}

EventFile::EventFile(const std::string &path, int64_t first_step) : file_(path) {
    const std::string contents = file_.contents();
    std::string_view rest = contents;
    uint64_t kept = 0;
    while (const std::optional<EventRecord> record = decode_event(rest)) {
        if (kept == 0 ? record->file_version.empty() : record->step >= first_step) break;
        kept = contents.size() - rest.size();
    }
    if (kept < contents.size()) file_.cut(kept);
    if (kept > 0) return;
    EventRecord version;
    version.wall_time = now();
    version.file_version = kVersion;
    append(version);
}

} // namespace afnet
