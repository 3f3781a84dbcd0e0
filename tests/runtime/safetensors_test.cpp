#include "runtime/safetensors.h"

#include "tests/runtime/safetensors_builder.h"

using namespace afnet;
using namespace afnet_test;
using namespace afnet_test::safetensors;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("safetensors: what was written is read back", "[safetensors]") {
    const ScratchFolder folder;
    const std::string path = folder / "a.safetensors";
    const std::vector<float> a{1.5F, -2.0F, 3.25F}, b{7.0F};
    const std::vector<int64_t> steps{1, int64_t(1) << 40};
    const std::string flags("\1\0\1", 3);
    const std::string hostile = "new\nline \"quote\" $(x) \xf0\x9f\x98\x80 \\ \x01";
    std::vector<SafetensorsTensor> tensors{
        {"flags", "BOOL", {3, 1}, bytes_of(flags), 3},
        tensor_of(hostile, a),
        {"none", "F32", {0, 4}, nullptr, 0},
        {"scalar", "F32", {}, reinterpret_cast<const unsigned char *>(b.data()), 4},
        {"steps", "I64", {2}, reinterpret_cast<const unsigned char *>(steps.data()), 16},
    };
    write_safetensors(path, tensors, {{"afnet.format", "1"}, {hostile, hostile}});

    const SafetensorsFile file(path);
    CHECK(file.metadata().size() == 2);
    CHECK(file.metadata().at("afnet.format") == "1");
    CHECK(file.metadata().at(hostile) == hostile);
    REQUIRE(file.tensors().size() == 5);
    for (const SafetensorsTensor &tensor : tensors) {
        INFO(tensor.name);
        const SafetensorsTensor *read = file.find(tensor.name);
        REQUIRE(read);
        CHECK(read->dtype == tensor.dtype);
        CHECK(read->shape == tensor.shape);
        CHECK(std::string(read->data, read->data + read->bytes) ==
              std::string(tensor.data, tensor.data + tensor.bytes));
        CHECK(reinterpret_cast<uintptr_t>(read->data) % element_bytes(read->dtype) == 0);
    }
    CHECK(to_floats(*file.find(hostile)) == a);
    CHECK(to_doubles(*file.find("steps")) == std::vector<double>{1, 0x1p40});
    CHECK(file.find("missing") == nullptr);

    // Wide elements first, in line with a cache line; and the file refers to itself after a move.
    CHECK(file.tensors()[0].name == "steps");
    CHECK((file.tensors()[0].data - file.file().data()) % 64 == 0);
    CHECK(file.file().path() == path);
    write_safetensors(folder / "b.safetensors", tensors, {{hostile, hostile}, {"afnet.format", "1"}});
    CHECK(contents_of(path) == contents_of(folder / "b.safetensors"));
}

TEST_CASE("safetensors: empty files in every sense", "[safetensors]") {
    CHECK(opened(file_of("{}")).tensors().empty());
    CHECK(opened(file_of("{}      ")).metadata().empty());
    CHECK(opened(file_of(R"({"__metadata__":{}})")).tensors().empty());
    const std::string scalar = file_of(one("[]", "[0,4]"), 4), nothing = file_of(one("[3,0]", "[0,0]"));
    CHECK(opened(scalar).tensors()[0].bytes == 4);
    CHECK(opened(nothing).tensors()[0].bytes == 0);
    CHECK_THAT(refusal([] { opened(file_of("{}")).file(); }), Contains("parsed from memory"));

    const ScratchFolder folder;
    write_safetensors(folder / "none", {}, {});
    CHECK(SafetensorsFile(folder / "none").tensors().empty());
}

TEST_CASE("safetensors: tensors come in the order of their data", "[safetensors]") {
    const std::string bytes = file_of(R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},)"
                                      R"("e":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},)"
                                      R"("a":{"data_offsets":[0,1],"shape":[1],"dtype":"I8"}})",
                                      3);
    const SafetensorsFile file = opened(bytes);
    REQUIRE(file.tensors().size() == 3);
    CHECK(file.tensors()[0].name == "a");
    CHECK(file.tensors()[1].name == "e");
    CHECK(file.tensors()[2].name == "b");
    CHECK(file.find("b")->data == bytes_of(bytes) + bytes.size() - 2);
}

TEST_CASE("safetensors: the length of the header is refused", "[safetensors]") {
    CHECK(refusal_of("") == "some.file: the file has 0 bytes; at least 8, the length of a header, expected. The file "
                            "is damaged or no safetensors file: copy or write it again");
    CHECK_THAT(refusal_of("1234567"), Contains("the file has 7 bytes; at least 8"));
    CHECK_THAT(refusal_of(little_endian(0, 8)), Contains("the header does not start with '{'"));
    CHECK_THAT(refusal_of(little_endian(1, 8) + "{}"), Contains("the header is not JSON"));
    CHECK_THAT(refusal_of(little_endian(3, 8) + "{}"), Contains("said to have 3 bytes; at most the 2 that follow"));
    CHECK_THAT(refusal_of(little_endian(100000000, 8) + "{}"), Contains("have 100000000 bytes; at most the 2 that"));
    CHECK_THAT(refusal_of(little_endian(100000001, 8) + "{}"), Contains("100000001 bytes; at most 100000000"));
    for (const uint64_t length : boundary_values) {
        INFO(length);
        CHECK_THAT(refusal_of(little_endian(length, 8) + "{}"), StartsWith("some.file: the header "));
    }
}

TEST_CASE("safetensors: data that does not fit is refused", "[safetensors]") {
    const auto data = [](const std::string &text, size_t bytes) { return refusal_of(file_of(text, bytes)); };
    CHECK_THAT(data(one("[1]", "[4,0]"), 4), Contains("tensor 't' has data_offsets [4, 0]; a begin up to its end"));
    CHECK_THAT(data(one("[2]", "[0,8]"), 4), Contains("[0, 8]; a begin up to its end, within the 4 bytes of data"));
    CHECK_THAT(data(one("[2]", "[0,4]"), 4), Contains("[0, 4]; 8 bytes for F32 [2] expected"));
    CHECK_THAT(data(one("[]", "[0,0]"), 0), Contains("[0, 0]; 4 bytes for F32 [] expected"));
    CHECK_THAT(data(one("[0]", "[0,4]"), 4), Contains("[0, 4]; 0 bytes for F32 [0] expected"));
    CHECK_THAT(data(one("[1]", "[1,5]"), 5), Contains("[1, 5] behind a gap; a begin at 0 expected"));
    CHECK_THAT(data(one("[1]", "[0,4]"), 5), Contains("the tensors cover 4 bytes; all 5 bytes of data expected"));
    CHECK_THAT(data("{}", 1), Contains("the tensors cover 0 bytes; all 1 bytes of data expected"));
    const auto two = [&](const std::string &a, const std::string &b) {
        return data(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
                        R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}",
                    4);
    };
    CHECK_THAT(two("[0,2]", "[0,2]"), Contains("tensor 'b' has data_offsets [0, 2] and overlaps tensor 'a'"));
    CHECK_THAT(two("[1,3]", "[0,2]"), Contains("tensor 'a' has data_offsets [1, 3] and overlaps tensor 'b'"));
}

TEST_CASE("safetensors: counts and offsets at their limits are refused", "[safetensors]") {
    for (const uint64_t value : boundary_values) {
        const std::string number = std::to_string(value);
        INFO(number);
        if (value != 1) CHECK_THAT(refusal_of(file_of(one("[" + number + "]", "[0,4]"), 4)), StartsWith("some.file: "));
        if (value != 4) CHECK_THAT(refusal_of(file_of(one("[1]", "[0," + number + "]"), 4)), StartsWith("some.file: "));
        if (value != 0) CHECK_THAT(refusal_of(file_of(one("[1]", "[" + number + ",4]"), 4)), StartsWith("some.file: "));
        CHECK_THAT(refusal_of(file_of(one("[1]", "[" + number + "," + number + "]"), 4)), StartsWith("some.file: "));
    }
    CHECK_THAT(refusal_of(file_of(one("[9223372036854775808]", "[0,4]"), 4)),
               Contains("the number 9223372036854775808;"));
    CHECK_THAT(refusal_of(file_of(one("[18446744073709551616]", "[0,4]"), 4)), Contains("'shape' of tensor 't' holds"));
    // Products that wrap to what is there, of elements and of bytes; and behind an extent of 0.
    CHECK_THAT(refusal_of(file_of(one("[4294967296,4294967296]", "[0,0]"))), Contains("fewer than 2^63 elements"));
    CHECK_THAT(refusal_of(file_of(one("[4611686018427387904]", "[0,0]"))),
               Contains("fewer than 2^63 elements and 2^64"));
    CHECK_THAT(refusal_of(file_of(one("[0,4294967296,4294967296]", "[0,0]"))), Contains("fewer than 2^63 elements"));
}

TEST_CASE("safetensors: no damage to a file goes beyond an error", "[safetensors]") {
    const std::string good =
        file_of(R"({"__metadata__":{"a":"b"},"t":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                R"("u":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}  )",
                11);
    REQUIRE(opened(good).tensors().size() == 2);
    const auto survives = [](const std::string &bytes) {
        try {
            const SafetensorsFile file = opened(bytes);
            for (const SafetensorsTensor &tensor : file.tensors())
                to_floats(tensor);
        } catch (const Error &) {
        }
    };
    for (size_t size = 0; size < good.size(); ++size) {
        INFO(size);
        // From an allocation of that very size, so that a sanitizer sees any read behind it.
        const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK_THROWS_AS(SafetensorsFile::from_memory(reinterpret_cast<const unsigned char *>(cut.data()), size, "f"),
                        Error);
    }
    for (size_t at = 0; at < good.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
            survives(bad);
        }
    }
}

TEST_CASE("safetensors: a path that is no file is refused", "[safetensors]") {
    const ScratchFolder folder;
    CHECK_THAT(refusal([&] { SafetensorsFile(folder / "missing"); }), Contains("missing: cannot open"));
    CHECK_THAT(refusal([&] { SafetensorsFile(folder / "."); }), Contains("not a regular file"));
    std::ofstream(folder / "empty");
    CHECK_THAT(refusal([&] { SafetensorsFile(folder / "empty"); }), Contains("empty: the file has 0 bytes"));
}
