#include "tests/runtime/safetensors_builder.h"

using namespace afnet;
using namespace afnet_test;
using namespace afnet_test::safetensors;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("safetensors: tensors that could not be read back are not written", "[safetensors]") {
    const ScratchFolder folder;
    const std::vector<float> values{1, 2};
    const SafetensorsTensor good = tensor_of("t", values);
    const auto writing = [&](std::vector<SafetensorsTensor> tensors, std::map<std::string, std::string> metadata = {}) {
        const std::string message = refusal([&] { write_safetensors(folder / "f", tensors, metadata); });
        CHECK_THAT(message, StartsWith(folder / "f: cannot write: "));
        CHECK_THAT(message, Contains("Nothing was changed"));
        CHECK(folder.files() == 0);
        return message;
    };
    const auto changed = [&](auto change) {
        SafetensorsTensor tensor = good;
        change(tensor);
        return writing({tensor});
    };
    CHECK_THAT(writing({good, good}), Contains("tensor 't' is given twice"));
    CHECK_THAT(changed([](auto &t) { t.name = "__metadata__"; }), Contains("has the name of the metadata"));
    CHECK_THAT(changed([](auto &t) { t.name = "\xff"; }), Contains("tensor '\\xff' has a name that is not UTF-8"));
    CHECK_THAT(changed([](auto &t) { t.name = std::string(1025, 'n'); }),
               Contains("has a name of 1025 bytes; at most"));
    CHECK_THAT(changed([](auto &t) { t.dtype = "f32"; }), Contains("tensor 't' has dtype 'f32'; one of F32"));
    CHECK_THAT(changed([](auto &t) { t.shape.assign(9, 1); }), Contains("[1, 1, 1, 1, 1, 1, 1, 1, 1]; a rank of at"));
    CHECK_THAT(changed([](auto &t) { t.shape = {3}; }), Contains("tensor 't' has 8 bytes for F32 [3]; type, shape"));
    CHECK_THAT(changed([](auto &t) { t.shape = {-2, -1}; }), Contains("tensor 't' has 8 bytes for F32 [-2, -1]"));
    CHECK_THAT(changed([](auto &t) { t.shape = {INT64_MAX}; }), Contains("has 8 bytes for F32 [9223372036854775807]"));
    CHECK_THAT(changed([](auto &t) {
                   t.shape = {INT64_MAX, INT64_MAX};
               }),
               Contains("type, shape and bytes that match"));
    CHECK_THAT(writing({good}, {{"k", "\xff"}}), Contains("metadata 'k' is not UTF-8"));
    CHECK_THAT(writing({good}, {{"\xff", "v"}}), Contains("metadata '\\xff' has a name that is not UTF-8"));
    CHECK_THAT(writing({good}, {{"k", std::string(100000000, 'v')}}), Contains("bytes; at most 100000000 expected"));
}

TEST_CASE("safetensors: a write that fails leaves the old file and no other", "[safetensors]") {
    const ScratchFolder folder;
    const std::string path = folder / "w.safetensors";
    const std::vector<float> small{1}, large(50000, 2.0F);
    write_safetensors(path, {tensor_of("old", small)}, {});
    const std::string before = contents_of(path);

    for (const rlim_t limit : {0, 1, 7, 100, 4096, 65536, 131072, 200000}) {
        INFO(limit);
        with_full_disk(limit, [&] {
            const std::string message = refusal([&] { write_safetensors(path, {tensor_of("new", large)}, {}); });
            CHECK_THAT(message, StartsWith(path + ": cannot write: "));
        });
        CHECK(contents_of(path) == before);
        CHECK(folder.files() == 1);
    }
    write_safetensors(path, {tensor_of("new", large)}, {});
    CHECK(to_floats(*SafetensorsFile(path).find("new")) == large);

    CHECK_THAT(refusal([&] { write_safetensors(folder / "no/such/f", {}, {}); }),
               Contains("cannot write: No such file"));
    std::filesystem::create_directory(folder / "d");
    CHECK_THAT(refusal([&] { write_safetensors(folder / "d", {}, {}); }), Contains("cannot write: Is a directory"));
    CHECK(folder.files() == 2);
}
