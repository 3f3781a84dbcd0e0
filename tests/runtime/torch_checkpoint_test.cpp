#include "runtime/torch_checkpoint.h"

#include <algorithm>

#include "tests/runtime/torch_builder.h"

using namespace afnet;
using namespace afnet_test;
using namespace afnet_test::torch;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// The numbers of tests/fixtures/torch/make_fixtures.py.
int numerator(int seed, size_t i) {
    return (37 * static_cast<int>(i) + 11 * seed) % 101 - 50;
}
float value(int seed, size_t i) {
    return static_cast<float>(numerator(seed, i)) / 32;
}

const TorchTensor &named(const std::vector<TorchTensor> &tensors, const std::string &name) {
    const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto &t) { return t.name == name; });
    REQUIRE(found != tensors.end());
    return *found;
}

auto seeded(int seed) {
    return [seed](size_t i) { return value(seed, i); };
}

} // namespace

TEST_CASE("torch: a state_dict alone", "[torch]") {
    for (const char *name : {"torch/state_dict.pth", "torch/no_checksums.pth"}) {
        const std::vector<TorchTensor> tensors = read_torch_checkpoint(fixture(name));
        REQUIRE(tensors.size() == 4);
        CHECK(tensors[0].name == "conv.weight");
        CHECK(tensors[0].dtype == "F32");
        check_tensor(tensors[0], {4, 3, 3, 3}, seeded(1));
        check_tensor(tensors[1], {4}, seeded(2));
        CHECK(tensors[2].dtype == "I64");
        check_tensor(tensors[2], {}, [](size_t) { return 7; });
        check_tensor(tensors[3], {0, 3}, seeded(3));
    }
}

TEST_CASE("torch: the authors' training checkpoint", "[torch]") {
    const std::vector<TorchTensor> tensors = read_torch_checkpoint(fixture("torch/training.pth.tar"));
    REQUIRE(tensors.size() == 8);
    const std::string prefix = "module.base_model.layer1.base_module.0.";
    CHECK(tensors[0].name == prefix + "conv1.weight");
    check_tensor(tensors[0], {8, 16, 1, 1}, seeded(1));
    check_tensor(named(tensors, prefix + "bn1.weight"), {8}, seeded(2));
    check_tensor(named(tensors, prefix + "bn1.bias"), {8}, seeded(3));
    check_tensor(named(tensors, prefix + "bn1.running_mean"), {8}, seeded(4));
    check_tensor(named(tensors, prefix + "bn1.running_var"), {8}, seeded(5));
    check_tensor(named(tensors, prefix + "bn1.num_batches_tracked"), {}, [](size_t) { return 4000; });
    check_tensor(named(tensors, "module.new_fc.weight"), {5, 32}, seeded(6));
    CHECK(tensors[7].name == "module.new_fc.bias");
    check_tensor(tensors[7], {5}, seeded(7));
}

TEST_CASE("torch: views and shared storages become dense", "[torch]") {
    const std::vector<TorchTensor> tensors = read_torch_checkpoint(fixture("torch/views.pth"));
    REQUIRE(tensors.size() == 8);
    check_tensor(named(tensors, "transposed"), {10, 6}, [](size_t i) { return value(1, i % 6 * 10 + i / 6); });
    check_tensor(named(tensors, "rows"), {2, 10}, [](size_t i) { return value(1, 20 + i); });
    check_tensor(named(tensors, "columns"), {6, 2}, [](size_t i) { return value(1, i / 2 * 10 + 3 + i % 2 * 2); });
    check_tensor(named(tensors, "tied"), {6, 10}, seeded(1));
    check_tensor(named(tensors, "permuted"), {4, 2, 3}, [](size_t i) { return value(2, i % 6 * 4 + i / 6); });
    check_tensor(named(tensors, "channels_last"), {2, 3, 4, 5}, seeded(3));
    check_tensor(named(tensors, "element"), {}, [](size_t) { return value(1, 59); });
    check_tensor(named(tensors, "no_elements"), {0, 2}, seeded(4));
}

TEST_CASE("torch: element types, under the key model", "[torch]") {
    const std::vector<TorchTensor> tensors = read_torch_checkpoint(fixture("torch/types.pth"));
    REQUIRE(tensors.size() == 10);
    for (const TorchTensor &tensor : tensors)
        CHECK(tensor.name == tensor.dtype);
    for (const char *name : {"F64", "F32", "F16", "BF16"})
        check_tensor(named(tensors, name), {103}, seeded(1));
    for (const char *name : {"I64", "I32", "I16", "I8"}) {
        check_tensor(named(tensors, name), {103}, [](size_t i) { return numerator(1, i); });
    }
    check_tensor(named(tensors, "U8"), {103}, [](size_t i) { return numerator(1, i) + 50; });
    check_tensor(named(tensors, "BOOL"), {103}, [](size_t i) { return numerator(1, i) > 0 ? 1 : 0; });
}

TEST_CASE("torch: parameters, pickle protocol 4, under the key model_state", "[torch]") {
    const std::vector<TorchTensor> tensors = read_torch_checkpoint(fixture("torch/parameters_protocol4.pth"));
    REQUIRE(tensors.size() == 1);
    check_tensor(named(tensors, "weight"), {3}, seeded(1));
}

TEST_CASE("torch: other kinds of files are refused", "[torch]") {
    CHECK(
        refusal_of_fixture("legacy.pth") ==
        "a checkpoint in PyTorch's format before 1.6; a zip archive, as torch.save has written since, expected. If you "
        "trust the file, convert it with PyTorch: python3 -c \"import torch; torch.save(torch.load('OLD', "
        "map_location='cpu', weights_only=False), 'NEW')\"");
    std::string tar(512, '\0');
    CHECK_THAT(refusal_of(tar.replace(257, 5, "ustar")), Contains("in PyTorch's format before 1.6"));
    CHECK_THAT(refusal_of_fixture("script.pt"), Contains("is compressed (method 8)") && Contains("or of TorchScript"));
    CHECK_THAT(refusal_of(build_zip({{"a/data.pkl", ""}, {"a/constants.pkl", ""}}).bytes),
               Contains("a TorchScript archive; a checkpoint written by torch.save expected"));
    CHECK_THAT(refusal_of_fixture("make_fixtures.py"), Contains("not a PyTorch checkpoint; a zip archive written by"));
    CHECK_THAT(refusal_of(""), Contains("not a PyTorch checkpoint"));
    CHECK_THAT(refusal_of("PK"), Contains("the directory of the zip archive is missing"));
    CHECK_THAT(refusal_of_fixture("missing.pth"), Contains("cannot open"));
    CHECK_THAT(refusal_of(build_zip({{"a/b", ""}, {"data.pkl", ""}, {"a/b/data.pkl", ""}, {"/data.pkl", ""}}).bytes),
               Contains("no data.pkl in the zip archive; a checkpoint written by torch.save expected. Is it"));
    CHECK_THAT(refusal_of(build_zip({{"a/data.pkl", ""}, {"b/data.pkl", ""}}).bytes),
               Contains("entries 'a/data.pkl' and 'b/data.pkl' in one archive; a single data.pkl"));
    CHECK_THAT(refusal_of(build_zip({{"a/data.pkl", "N."}}).bytes),
               Contains("no protocol number at byte 0 of the pickle"));
}

TEST_CASE("torch: a checkpoint without a state_dict is refused", "[torch]") {
    CHECK(
        refusal_of_fixture("no_state_dict.pth") ==
        "holds a dict without tensors, with the keys 'epoch', 'note'; a state_dict, or one under state_dict, model or "
        "model_state, expected. Save it again with torch.save(model.state_dict(), ...)");
    CHECK_THAT(refusal_of_fixture("whole_module.pth"), StartsWith("holds a pickled '__main__.Scaled'; a state_dict"));
    CHECK_THAT(refusal_of(checkpoint("N")), Contains("holds no dict; a state_dict"));
    CHECK_THAT(refusal_of(checkpoint("N)R")), Contains("holds no dict; a state_dict"));
    CHECK_THAT(refusal_of(checkpoint("}")),
               Contains("holds a dict without tensors, with the keys (none); a state_dict"));
    CHECK_THAT(refusal_of(checkpoint("}" + integer(1) + "Ns")), Contains("with the keys (none)"));
    CHECK_THAT(refusal_of(checkpoint(state_dict("}", "state_dict"))), Contains("with the keys 'state_dict'"));
    CHECK_THAT(refusal_of(checkpoint("](Ne")), Contains("holds no dict"));
}

TEST_CASE("torch: where the state_dict is found", "[torch]") {
    const std::string one = tensor(0, {1}, {1}), two = tensor(0, {2}, {1});
    for (const char *key : {"state_dict", "model", "model_state"}) {
        CHECK(parsed(checkpoint(state_dict(state_dict(one), key)))[0].name == "t");
        CHECK(parsed(checkpoint(state_dict(one, key)))[0].name == key); // a tensor of that name
    }
    // The first of the keys, rather than tensors beside it.
    const std::vector<TorchTensor> tensors =
        parsed(checkpoint("}(" + text("mean") + two + text("model") + state_dict(two, "m") + text("state_dict") +
                          state_dict(one, "s") + "u"));
    REQUIRE(tensors.size() == 1);
    CHECK(tensors[0].name == "s");
}

TEST_CASE("torch: keys of the state_dict", "[torch]") {
    const std::string one = tensor(0, {1}, {1});
    const auto keys = [&](const std::string &opcodes) { return refusal_of(checkpoint("}(" + opcodes + "u")); };
    CHECK_THAT(keys(integer(3) + one), Contains("a key of the state_dict is no text; names of tensors expected"));
    CHECK_THAT(keys(text("\xff") + one), Contains("key '\\xff' is not UTF-8"));
    CHECK_THAT(keys(text(std::string(1025, 'n')) + one), Contains("has 1025 bytes; at most 1024 expected"));
    CHECK_THAT(keys(text("t") + one + text("t") + one), Contains("key 't' appears twice; one tensor for a name"));
    CHECK_THAT(keys(text("t") + one + text("epoch") + integer(3)),
               Contains("entry 'epoch' of the state_dict is no tensor"));
    CHECK(parsed(checkpoint(state_dict(one, std::string(1024, 'n')))).size() == 1);
}

TEST_CASE("torch: byte order", "[torch]") {
    const std::string good = state_dict(tensor(0, {1}, {1}));
    CHECK(parsed(checkpoint(good, {{"archive/byteorder", "little"}})).size() == 1);
    CHECK_THAT(refusal_of(checkpoint(good, {{"archive/byteorder", "big"}})),
               Contains("byte order 'big'; 'little' expected"));
    CHECK_THAT(refusal_of(checkpoint(good, {{"archive/byteorder", ""}})), Contains("byte order ''"));
}

TEST_CASE("torch: damaged contents are noticed", "[torch]") {
    const std::string good = contents_of(fixture("torch/views.pth"));
    REQUIRE(parsed(good).size() == 8);
    std::string bad = good;
    const size_t storage = good.find("/data/0") + 7;
    const size_t first = good.find_first_not_of("Z", storage + 8) + 16;
    bad[first + 40] = static_cast<char>(bad[first + 40] ^ 1);
    CHECK_THAT(refusal_of(bad), Contains("entry 'archive/data/0' has CRC-32"));
    CHECK(parse_torch_checkpoint(bytes_of(bad), bad.size(), "f", Checksums::ignore).size() == 8);
    bad = good;
    bad[good.find("permuted")] = 'P';
    CHECK_THAT(refusal_of(bad), Contains("entry 'archive/data.pkl' has CRC-32"));
}

TEST_CASE("torch: no damage to a checkpoint goes beyond an error", "[torch]") {
    const std::string good = contents_of(fixture("torch/parameters_protocol4.pth"));
    for (size_t size = 0; size < good.size(); ++size) {
        INFO(size);
        const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK_THROWS_AS(parse_torch_checkpoint(reinterpret_cast<const unsigned char *>(cut.data()), size, "f"), Error);
    }
    for (size_t at = 0; at < good.size(); ++at) {
        for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ change);
            try {
                parse_torch_checkpoint(bytes_of(bad), bad.size(), "f", Checksums::ignore);
            } catch (const Error &) {
            }
        }
    }
}
