#include "runtime/zip_archive.h"

#include "tests/runtime/zip_builder.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

ZipArchive opened(const std::string &bytes) {
    return ZipArchive(bytes_of(bytes), bytes.size(), "some.zip");
}

std::string refusal_of(const std::string &bytes) {
    const std::string message = refusal([&] { opened(bytes); });
    CHECK_THAT(message, StartsWith("some.zip: "));
    return message;
}

BuiltZip two_entries(bool zip64 = false) {
    return build_zip({{"a/one", "first"}, {"a/two", "the second"}}, zip64);
}

std::string text_of(const ZipEntry *entry) {
    REQUIRE(entry);
    return std::string(reinterpret_cast<const char *>(entry->data), entry->size);
}

// An entry whose size and place are only in the zip64 extra field.
BuiltZip wide_entry(const std::string &extra) {
    BuiltZip zip = build_zip({{"w", "wide", extra}}, true);
    return zip.put(zip.central[0] + 20, 0xffffffff, 4)
        .put(zip.central[0] + 24, 0xffffffff, 4)
        .put(zip.central[0] + 42, 0xffffffff, 4);
}

} // namespace

TEST_CASE("zip: stored entries are found by name", "[zip]") {
    for (const bool zip64 : {false, true}) {
        INFO(zip64);
        const std::string bytes = two_entries(zip64).bytes;
        const ZipArchive archive = opened(bytes);
        REQUIRE(archive.entries().size() == 2);
        CHECK(archive.entries()[1].name == "a/two");
        CHECK(text_of(archive.find("a/one")) == "first");
        CHECK(text_of(archive.find("a/two")) == "the second");
        CHECK(archive.find("a") == nullptr);
        for (const ZipEntry &entry : archive.entries())
            archive.verify(entry);
    }
    CHECK(opened(build_zip({}).bytes).entries().empty());
    CHECK(opened(build_zip({{"folder/", ""}}).bytes).entries()[0].size == 0);
}

TEST_CASE("zip: a comment behind the directory is skipped", "[zip]") {
    BuiltZip zip = two_entries();
    // A comment that looks like an end record, but is not where one could be.
    const std::string comment = "PK\5\6 and so on, for more than the 22 bytes of a record";
    zip.put(zip.end + 20, comment.size(), 2).bytes += comment;
    CHECK(opened(zip.bytes).entries().size() == 2);
    CHECK_THAT(refusal_of(zip.bytes + "x"), Contains("the directory of the zip archive is missing"));
    zip = two_entries();
    zip.put(zip.end + 20, 0xffff, 2).bytes += std::string(0xffff, 'c');
    CHECK(opened(zip.bytes).entries().size() == 2);
}

TEST_CASE("zip: sizes and places beyond 32 bits come from the zip64 field", "[zip]") {
    const std::string fields = little_endian(4, 8) + little_endian(4, 8) + little_endian(0, 8);
    const std::string other = little_endian(0x7777, 2) + little_endian(2, 2) + "xx";
    CHECK(text_of(opened(wide_entry(zip_record(0x00180001, {}) + fields).bytes).find("w")) == "wide");
    CHECK(text_of(opened(wide_entry(other + zip_record(0x00180001, {}) + fields).bytes).find("w")) == "wide");

    const char *missing = "entry 'w' has no zip64 field for its size or place";
    CHECK_THAT(refusal_of(wide_entry("").bytes), Contains(missing));
    CHECK_THAT(refusal_of(wide_entry(other).bytes), Contains(missing));
    CHECK_THAT(refusal_of(wide_entry("abc").bytes), Contains(missing));
    CHECK_THAT(refusal_of(wide_entry(zip_record(0x00100001, {}) + fields.substr(8)).bytes), Contains(missing));
    CHECK_THAT(refusal_of(wide_entry(zip_record(0x00190001, {}) + fields).bytes), Contains(missing));
    for (const uint64_t value : boundary_values) {
        INFO(value);
        const std::string wide = little_endian(value, 8), four = little_endian(4, 8), zero = little_endian(0, 8);
        const std::string kind = zip_record(0x00180001, {});
        CHECK_THAT(refusal_of(wide_entry(kind + wide + wide + zero).bytes), Contains("entry 'w'"));
        if (value != 0) CHECK_THAT(refusal_of(wide_entry(kind + four + four + wide).bytes), Contains("entry 'w'"));
    }
}

TEST_CASE("zip: what is not stored plainly is refused", "[zip]") {
    const auto changed = [](size_t field, uint64_t value, size_t width) {
        BuiltZip zip = two_entries();
        return refusal_of(zip.put(zip.central[1] + field, value, width).bytes);
    };
    CHECK(
        changed(10, 8, 2) ==
        "some.zip: entry 'a/two' is compressed (method 8); a stored entry, as torch.save makes it, expected. Save the "
        "state_dict again with torch.save; an archive packed by another program, or of TorchScript, will not do");
    CHECK_THAT(changed(8, 1 << 5, 2), Contains("is compressed"));
    CHECK_THAT(changed(8, 1, 2), Contains("entry 'a/two' is encrypted; a stored entry"));
    CHECK_THAT(changed(8, 1 << 6, 2), Contains("is encrypted"));
    CHECK_THAT(changed(8, 1 << 13, 2), Contains("is encrypted"));
    CHECK_THAT(changed(34, 1, 2), Contains("entry 'a/two' is on disk 1; a single file expected"));
    CHECK_THAT(changed(20, 9, 4), Contains("entry 'a/two' has 9 bytes stored for 10"));
}

TEST_CASE("zip: names twice or too long are refused", "[zip]") {
    CHECK_THAT(refusal_of(build_zip({{"a", "1"}, {"b", "2"}, {"a", "3"}}).bytes), Contains("entry 'a' appears twice"));
    CHECK(opened(build_zip({{std::string(4096, 'n'), ""}}).bytes).entries().size() == 1);
    CHECK_THAT(refusal_of(build_zip({{std::string(4097, 'n'), ""}}).bytes),
               Contains("a name of 4097 bytes; at most 4096"));
}

TEST_CASE("zip: an entry has to be where the directory says", "[zip]") {
    const auto changed = [](uint64_t offset, uint64_t size) {
        BuiltZip zip = two_entries();
        return refusal_of(zip.put(zip.central[1] + 42, offset, 4)
                              .put(zip.central[1] + 20, size, 4)
                              .put(zip.central[1] + 24, size, 4)
                              .bytes);
    };
    const BuiltZip zip = two_entries();
    CHECK_THAT(changed(zip.central[0], 10), Contains("'a/two' is said to be at byte 85; a place before the directory"));
    CHECK_THAT(changed(0xfffffffe, 10), Contains("is said to be at byte 4294967294; a place before"));
    CHECK_THAT(changed(zip.local[1] + 1, 10), Contains("is said to be at byte 41; a local header there"));
    CHECK_THAT(changed(zip.local[1], 11), Contains("said to have 11 bytes at byte 75; an end before the directory"));
    CHECK_THAT(changed(zip.local[1], 0xfffffffe), Contains("said to have 4294967294 bytes at byte 75"));
    CHECK_THAT(changed(zip.local[1], 9), Contains("'a/two' has another size or kind in its local header"));
    CHECK_THAT(changed(zip.local[0], 10), Contains("entry 'a/two' has the name 'a/one' in its local header"));
    for (const uint64_t value : boundary_values) {
        if (value > 0xffffffff) continue;
        INFO(value);
        CHECK_THAT(changed(value, 10), Contains("entry 'a/two'"));
        CHECK_THAT(changed(zip.local[1], value), Contains("entry 'a/two'"));
    }

    const auto local = [](size_t field, uint64_t value, size_t width) {
        BuiltZip broken = two_entries();
        return refusal_of(broken.put(broken.local[1] + field, value, width).bytes);
    };
    CHECK_THAT(local(8, 8, 2), Contains("'a/two' has another size or kind in its local header"));
    CHECK_THAT(local(6, 1, 2), Contains("'a/two' has another size or kind in its local header"));
    CHECK_THAT(local(26, 4, 2), Contains("has the name 'a/tw' in its local header"));
    CHECK_THAT(local(26, 0xffff, 2), Contains("said to have 10 bytes at byte 65605"));
    CHECK_THAT(local(28, 0xffff, 2), Contains("said to have 10 bytes at byte 65610"));
    // A size of 0 with flag 3 stands behind the contents instead.
    BuiltZip later = two_entries();
    later.put(later.local[1] + 6, 8, 2).put(later.local[1] + 18, 0, 4);
    CHECK(opened(later.bytes).entries().size() == 2);
}

TEST_CASE("zip: entries that share bytes are refused", "[zip]") {
    // The second entry lies within the contents of the first.
    const std::string inner = build_zip({{"b", "in"}}).bytes.substr(0, 33);
    BuiltZip zip = build_zip({{"a", inner + "tail"}, {"b", "in"}});
    CHECK(opened(zip.bytes).entries().size() == 2);
    CHECK_THAT(refusal_of(zip.put(zip.central[1] + 42, 31, 4).bytes), Contains("entry 'b' overlaps entry 'a'"));
}

TEST_CASE("zip: a directory that does not add up is refused", "[zip]") {
    const auto end = [](size_t field, uint64_t value, size_t width) {
        BuiltZip zip = two_entries();
        return refusal_of(zip.put(zip.end + field, value, width).bytes);
    };
    CHECK_THAT(refusal_of(""), Contains("the directory of the zip archive is missing; one at the end of the file"));
    CHECK_THAT(refusal_of("PK\3\4"), Contains("the directory of the zip archive is missing"));
    CHECK_THAT(end(4, 1, 2), Contains("the zip archive spans several disks; a single file"));
    CHECK_THAT(end(6, 1, 2), Contains("the zip archive spans several disks"));
    CHECK_THAT(end(8, 1, 2), Contains("the zip archive spans several disks"));
    for (const uint64_t value : boundary_values) {
        if (value > 0xffffffff) continue;
        INFO(value);
        CHECK_THAT(end(12, value, 4), Contains("the zip directory is said to have"));
        CHECK_THAT(end(16, value, 4), Contains("the zip directory is said to have"));
        if (value > 0xffff) continue;
        BuiltZip zip = two_entries();
        refusal_of(zip.put(zip.end + 8, value, 2).put(zip.end + 10, value, 2).bytes);
    }
    BuiltZip zip = two_entries();
    CHECK_THAT(refusal_of(zip.put(zip.end + 8, 1, 2).put(zip.end + 10, 1, 2).bytes),
               Contains("the zip directory goes on behind its 1 entries"));
    CHECK_THAT(refusal_of(zip.put(zip.end + 8, 3, 2).put(zip.end + 10, 3, 2).bytes),
               Contains("the zip directory is broken at byte 187; the record of an entry"));
    zip = two_entries();
    CHECK_THAT(refusal_of(zip.put(zip.central[1], 0, 4).bytes), Contains("is broken at byte 136; the record of"));
    for (const size_t length : {28, 30, 32}) {
        zip = two_entries();
        CHECK_THAT(refusal_of(zip.put(zip.central[1] + length, 0xffff, 2).bytes),
                   Contains("a record that ends with it"));
    }
}

TEST_CASE("zip: zip64 end records that do not add up are refused", "[zip]") {
    const auto changed = [](size_t BuiltZip::*record, size_t field, uint64_t value, size_t width) {
        BuiltZip zip = two_entries(true);
        return refusal_of(zip.put(zip.*record + field, value, width).bytes);
    };
    CHECK_THAT(changed(&BuiltZip::end64, 0, 0, 4),
               Contains("the zip64 end record is said to be at byte 187; one right"));
    CHECK_THAT(changed(&BuiltZip::end64, 4, 45, 8), Contains("the zip64 end record is said to be at byte 187"));
    CHECK_THAT(changed(&BuiltZip::end64, 16, 1, 4), Contains("spans several disks"));
    CHECK_THAT(changed(&BuiltZip::end64, 20, 1, 4), Contains("spans several disks"));
    CHECK_THAT(changed(&BuiltZip::end64, 24, 1, 8), Contains("spans several disks"));
    CHECK_THAT(changed(&BuiltZip::locator, 4, 1, 4), Contains("spans several disks"));
    CHECK_THAT(changed(&BuiltZip::locator, 16, 2, 4), Contains("spans several disks"));
    CHECK_THAT(changed(&BuiltZip::end64, 40, 1, 8), Contains("the zip and zip64 end records differ; the same"));
    CHECK_THAT(changed(&BuiltZip::end, 10, 0xffff, 2), Contains("spans several disks"));
    for (const uint64_t value : boundary_values) {
        INFO(value);
        CHECK_THAT(changed(&BuiltZip::locator, 8, value, 8), Contains("the zip64 end record is said to be at byte"));
        // With the narrow fields referring to the wide ones.
        const auto wide = [&](size_t field) {
            BuiltZip zip = two_entries(true);
            zip.put(zip.end + 8, 0xffff, 2).put(zip.end + 10, 0xffff, 2).put(zip.end + 12, 0xffffffffffffffff, 8);
            CHECK(opened(zip.bytes).entries().size() == 2);
            return refusal_of(
                zip.put(zip.end64 + field, value, 8).put(zip.end64 + (field == 32 ? 24 : field), value, 8).bytes);
        };
        wide(32);
        CHECK_THAT(wide(40), Contains("the zip directory is said to have"));
        CHECK_THAT(wide(48), Contains("the zip directory is said to have"));
    }
    BuiltZip zip = two_entries(true);
    zip.put(zip.end + 8, 0xffffffff, 4).put(zip.end64 + 24, 1000001, 8).put(zip.end64 + 32, 1000001, 8);
    CHECK_THAT(refusal_of(zip.bytes), Contains("has 1000001 entries; at most 1000000"));
}

TEST_CASE("zip: damaged contents do not verify", "[zip]") {
    CHECK(crc32(bytes_of("123456789"), 9) == 0xcbf43926);
    BuiltZip zip = two_entries();
    zip.bytes[zip.local[0] + 35] = 'F';
    const ZipArchive archive = opened(zip.bytes);
    CHECK_THAT(refusal([&] { archive.verify(*archive.find("a/one")); }), Contains("entry 'a/one' has CRC-32 "));
    archive.verify(*archive.find("a/two"));
    zip.put(zip.central[0] + 16, 0, 4); // none stated
    opened(zip.bytes).verify(opened(zip.bytes).entries()[0]);
}

TEST_CASE("zip: no damage to an archive goes beyond an error", "[zip]") {
    const std::string good = two_entries(true).bytes;
    for (size_t size = 0; size < good.size(); ++size) {
        INFO(size);
        const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK_THROWS_AS(ZipArchive(reinterpret_cast<const unsigned char *>(cut.data()), size, "f"), Error);
    }
    for (size_t at = 0; at < good.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
            try {
                const ZipArchive archive = opened(bad);
                for (const ZipEntry &entry : archive.entries())
                    archive.verify(entry);
            } catch (const Error &) {
            }
        }
    }
}
