// Event files: framed as TensorBoard reads them, and whole again after a crash.
#include "runtime/event_file.h"

#include "tests/runtime/file_checks.h"

using namespace afnet;
using namespace afnet_test;

namespace {

EventRecord record_of(int64_t step) {
    EventRecord record;
    record.wall_time = 1.5e9 + double(step);
    record.step = step;
    record.scalars = {{"loss/train", 0.25F * float(step)}, {"accuracy/val_top1", 50}};
    return record;
}

std::vector<EventRecord> records_in(const std::string &path) {
    const std::string contents = contents_of(path);
    std::string_view rest = contents;
    std::vector<EventRecord> records;
    while (auto record = decode_event(rest))
        records.push_back(*record);
    CHECK(rest.empty());
    return records;
}

std::vector<int64_t> steps_in(const std::string &path) {
    std::vector<int64_t> steps;
    for (const EventRecord &record : records_in(path)) {
        if (record.file_version.empty()) steps.push_back(record.step);
    }
    return steps;
}

} // namespace

TEST_CASE("events: CRC-32C of RFC 3720's examples", "[event_file]") {
    CHECK(crc32c("") == 0);
    CHECK(crc32c("123456789") == 0xe3069283);
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
    std::string ascending;
    for (char c = 0; c < 32; c++)
        ascending += c;
    CHECK(crc32c(ascending) == 0x46dd794e);
}

TEST_CASE("events: a record's bytes", "[event_file]") {
    EventRecord version;
    version.wall_time = 1;
    version.file_version = "brain.Event:2";
    const std::string bytes = encode_event(version);
    // As TensorFlow's own files begin: 24 bytes, and the checksum of that number.
    CHECK(bytes.substr(0, 12) == std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
    const std::string message = std::string("\x09\0\0\0\0\0\0\xf0\x3f", 9) + "\x1a\x0d" + "brain.Event:2";
    CHECK(bytes.substr(12, 24) == message);
    CHECK(bytes.substr(36) == little_endian(masked_crc32c(message), 4));

    EventRecord scalar;
    scalar.step = 300;
    scalar.scalars = {{"a/b", 1.0F}};
    const std::string expected = std::string("\x09\0\0\0\0\0\0\0\0", 9) + std::string("\x10\xac\x02", 3) +
                                 std::string("\x2a\x0c\x0a\x0a\x0a\x03", 6) + "a/b" +
                                 std::string("\x15\0\0\x80\x3f", 5);
    CHECK(encode_event(scalar).substr(12, expected.size()) == expected);
    CHECK(encode_event(scalar).size() == expected.size() + 16);
}

TEST_CASE("events: what was encoded is decoded", "[event_file]") {
    const std::string bytes = encode_event(record_of(70000)) + encode_event(record_of(1));
    std::string_view rest = bytes;
    const auto first = decode_event(rest), second = decode_event(rest);
    REQUIRE((first && second && rest.empty()));
    CHECK(first->step == 70000);
    CHECK(first->wall_time == 1.5e9 + 70000);
    CHECK(first->scalars == record_of(70000).scalars);
    CHECK(second->step == 1);
}

TEST_CASE("events: every cut and every wrong byte is noticed", "[event_file]") {
    const std::string whole = encode_event(record_of(3));
    for (size_t size = 0; size < whole.size(); size++) {
        std::string_view cut = std::string_view(whole).substr(0, size);
        CHECK_FALSE(decode_event(cut));
        CHECK(cut.size() == size);
        std::string wrong = whole;
        wrong[size] = char(wrong[size] ^ 0x10);
        std::string_view view = wrong;
        CHECK_FALSE(decode_event(view));
    }
    // Right checksums around what is no Event: a field that is longer than its message.
    const std::string message("\x1a\x7f", 2), length = little_endian(2, 8);
    const std::string framed =
        length + little_endian(masked_crc32c(length), 4) + message + little_endian(masked_crc32c(message), 4);
    std::string_view view = framed;
    CHECK_FALSE(decode_event(view));
}

TEST_CASE("events: a file opened again goes on where it is told to", "[event_file]") {
    const ScratchFolder folder;
    const std::string path = folder / "events";
    {
        EventFile file(path, 0);
        for (const int64_t step : {0, 1, 2, 3})
            file.append(record_of(step));
    }
    CHECK(records_in(path).front().file_version == "brain.Event:2");
    CHECK(steps_in(path) == std::vector<int64_t>{0, 1, 2, 3});
    EventFile(path, 2).append(record_of(2));
    CHECK(steps_in(path) == std::vector<int64_t>{0, 1, 2});
    EventFile(path, 0).append(record_of(0));
    CHECK(steps_in(path) == std::vector<int64_t>{0});
}

TEST_CASE("events: a torn end is cut off, wherever it was torn", "[event_file]") {
    const ScratchFolder folder;
    const std::string path = folder / "events";
    {
        EventFile file(path, 0);
        file.append(record_of(0));
    }
    const std::string whole = contents_of(path);
    for (size_t size = 0; size <= whole.size(); size++) {
        INFO(size);
        std::ofstream(path, std::ios::binary) << whole.substr(0, size);
        EventFile(path, 9).append(record_of(1));
        const auto records = records_in(path);
        REQUIRE(records.size() == (size == whole.size() ? 3 : 2));
        CHECK(records.front().file_version == "brain.Event:2");
        CHECK(records.back().step == 1);
    }
}
