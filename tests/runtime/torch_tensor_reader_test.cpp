#include "runtime/torch_tensor_reader.h"

#include "tests/runtime/torch_builder.h"

using namespace afnet;
using namespace afnet_test;
using namespace afnet_test::torch;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

std::string refusal_of_tensor(const std::string &value) {
    const std::string message = refusal_of(checkpoint(state_dict(value)));
    CHECK_THAT(message, StartsWith("some.pth: tensor 't' "));
    return message;
}

} // namespace

TEST_CASE("torch: tensors of another kind are refused", "[torch]") {
    CHECK(
        refusal_of_fixture("sparse.pth") ==
        "tensor 'a' is rebuilt by 'torch._utils._rebuild_sparse_tensor'; torch._utils._rebuild_tensor_v2 expected. The "
        "file is damaged or its tensors are of another kind: save the state_dict again, as dense tensors on the CPU");
    CHECK_THAT(refusal_of_fixture("float8.pth"),
               StartsWith("tensor 'a' is rebuilt by 'torch._utils._rebuild_tensor_v3'"));
    CHECK_THAT(refusal_of_fixture("complex.pth"),
               StartsWith("tensor 'a' has a storage of type 'torch.ComplexFloatStorage'"));
    CHECK_THAT(refusal_of_fixture("expanded.pth"),
               StartsWith("tensor 'a' has shape [1000]; at most the 1 elements of"));

    const std::string rebuild = global("torch._utils", "_rebuild_tensor_v2"),
                      parameter = global("torch._utils", "_rebuild_parameter");
    CHECK_THAT(refusal_of_tensor(parameter + ")R"), Contains("is rebuilt by 'torch._utils._rebuild_parameter'"));
    CHECK_THAT(refusal_of_tensor(parameter + "N\x85R"), Contains("is rebuilt by nothing"));
    CHECK_THAT(refusal_of_tensor(parameter + parameter + "N\x85R\x85R"),
               Contains("by 'torch._utils._rebuild_parameter'"));
    CHECK_THAT(refusal_of_tensor(global("torch._tensor", "_rebuild_from_type_v2") + ")R"),
               Contains("is rebuilt by 'torch._tensor._rebuild_from_type_v2'"));
    CHECK_THAT(refusal_of_tensor(rebuild + "(NNNtR"), Contains("has 3 arguments to be rebuilt from; at least 4"));
    CHECK(parsed(checkpoint(state_dict(parameter + "(" + tensor(0, {1}, {1}) + "\x88)tR"))).size() == 1);
    CHECK(parsed(checkpoint(state_dict(global("torch._utils", "_rebuild_tensor") + "(" + storage_id() + integer(0) +
                                       tuple({6}) + tuple({1}) + "tR")))
              .size() == 1);
}

TEST_CASE("torch: storages have to be there and fit", "[torch]") {
    const auto from = [](const std::string &storage) { return refusal_of_tensor(tensor(0, {1}, {1}, storage)); };
    CHECK_THAT(from("N"), Contains("has no storage; one expected"));
    CHECK_THAT(from("NQ"), Contains("has no storage; one expected"));
    CHECK_THAT(from("N\x85Q"), Contains("has no storage; one expected"));
    CHECK_THAT(from("(NNNNNtQ"), Contains("has no storage; its type and key expected"));
    CHECK_THAT(from("(N" + global("torch", "FloatStorage") + "NNNtQ"), Contains("its type and key expected"));
    CHECK_THAT(from(storage_id(6, "QInt8Storage")),
               Contains("has a storage of type 'torch.QInt8Storage'; torch.Float"));
    CHECK_THAT(from(storage_id(6, "FloatStorage", "../0")),
               Contains("has its storage in 'archive/data/../0', which is missing"));
    CHECK_THAT(from(storage_id(6, "FloatStorage", "1\n")), Contains("in 'archive/data/1\\x0a', which is missing"));
    CHECK_THAT(from(storage_id(5)),
               Contains("has a storage of 5 elements of F32 in 'archive/data/0' of 24 bytes; sizes"));
    CHECK_THAT(from(storage_id(6, "DoubleStorage")), Contains("has a storage of 6 elements of F64"));
    CHECK_THAT(from(storage_id(-1)), Contains("has a storage size of -1; a whole number from 0"));
    for (const uint64_t elements : boundary_values) {
        INFO(elements);
        from(storage_id(static_cast<int64_t>(elements)));
    }
    // 2^62 + 6 elements are 24 bytes to who counts in 64 bits.
    CHECK_THAT(from(storage_id((int64_t(1) << 62) + 6)), Contains("elements of F32 in 'archive/data/0' of 24 bytes"));
}

TEST_CASE("torch: tensors have to lie in their storage", "[torch]") {
    check_tensor(parsed(checkpoint(state_dict(tensor(1, {2, 2}, {1, 3}))))[0], {2, 2},
                 [](size_t i) { return 1 + i / 2 + i % 2 * 3; });
    // The stride of an extent of 1 is of no consequence, nor is any, or an offset, in an empty tensor.
    check_tensor(parsed(checkpoint(state_dict(tensor(1, {2, 1, 2}, {1, INT64_MAX, 3}))))[0], {2, 1, 2},
                 [](size_t i) { return 1 + i / 2 + i % 2 * 3; });
    CHECK(parsed(checkpoint(state_dict(tensor(7, {2, 0}, {INT64_MAX, INT64_MAX}))))[0].values.empty());

    const auto view = [](int64_t offset, const std::vector<int64_t> &shape, const std::vector<int64_t> &strides) {
        return refusal_of_tensor(tensor(offset, shape, strides));
    };
    CHECK_THAT(view(INT64_MAX, {1}, {1}), Contains("from offset 9223372036854775807; a reach within the 6 elements"));
    CHECK_THAT(view(6, {}, {}), Contains("has shape [] with strides [] from offset 6; a reach within"));
    CHECK_THAT(view(1, {6}, {1}), Contains("from offset 1; a reach within the 6 elements of its storage"));
    CHECK_THAT(view(0, {2, 3}, {3, 2}), Contains("has shape [2, 3] with strides [3, 2] from offset 0; a reach"));
    CHECK_THAT(view(0, {7}, {0}), Contains("has shape [7]; at most the 6 elements of its storage"));
    CHECK_THAT(view(0, {2, 3}, {1}), Contains("has shape [2, 3] with strides [1]; as many strides"));
    CHECK_THAT(view(0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1}), Contains("has a shape of 9 numbers; a rank of at most 8"));
    CHECK_THAT(view(-1, {1}, {1}), Contains("has a storage offset of -1; a whole number from 0"));
    CHECK_THAT(view(0, {-1}, {1}), Contains("has a shape of -1; a whole number"));
    CHECK_THAT(view(0, {1}, {-1}), Contains("has a stride of -1; a whole number"));
    const std::string call = global("torch._utils", "_rebuild_tensor_v2") + "(" + storage_id();
    CHECK_THAT(refusal_of_tensor(call + "N))tR"), Contains("has a storage offset of another type"));
    CHECK_THAT(refusal_of_tensor(call + integer(0) + "])tR"), Contains("has a shape of another type; a tuple"));
    CHECK_THAT(refusal_of_tensor(call + integer(0) + ")]tR"), Contains("has a stride of another type; a tuple"));
}

TEST_CASE("torch: extents, strides and offsets at their limits are refused", "[torch]") {
    for (const uint64_t bits : boundary_values) {
        const auto number = static_cast<int64_t>(bits);
        INFO(number);
        if (bits > 5) refusal_of_tensor(tensor(number, {1}, {1}));
        if (bits > 6) refusal_of_tensor(tensor(0, {number}, {1}));
        if (bits > 6) refusal_of_tensor(tensor(0, {number, number}, {1, 1}));
        if (bits >> 32) refusal_of_tensor(tensor(0, {0, number, number, number}, {1, 1, 1, 1}));
        if (bits > 5) refusal_of_tensor(tensor(0, {2}, {number}));
        if (bits > 2) refusal_of_tensor(tensor(0, {2, 3}, {number, number}));
    }
    // Reaches that wrap to an element of the storage.
    const int64_t half = int64_t(1) << 62;
    CHECK_THAT(refusal_of_tensor(tensor(0, {5}, {half})), Contains("a reach within the 6 elements"));
    CHECK_THAT(refusal_of_tensor(tensor(2, {3, 2}, {INT64_MAX, INT64_MAX})), Contains("a reach within the 6 elements"));
    CHECK_THAT(refusal_of_tensor(tensor(0, {2, 2}, {half, half})), Contains("a reach within the 6 elements"));
}

TEST_CASE("torch: tensors that share storages cannot claim unbounded memory", "[torch]") {
    const std::string large(40000, '\0'), id = storage_id(10000, "FloatStorage", "1") + "q\1";
    const auto sharing = [&](int count) {
        std::string opcodes = "}(";
        for (int i = 0; i < count; ++i) {
            opcodes += text(std::to_string(i)) + tensor(0, {10000}, {1}, i == 0 ? id : "h\1");
        }
        return checkpoint(opcodes + "u", {{"archive/data/1", large}});
    };
    CHECK(parsed(sharing(15)).size() == 15);
    CHECK_THAT(refusal_of(sharing(25)),
               Contains("has shape [10000], and with it all tensors more than 16 times the size"));
}
