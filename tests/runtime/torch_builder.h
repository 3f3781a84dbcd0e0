// PyTorch checkpoints put together from the opcodes of their pickle, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/torch_checkpoint.h"
#include "tests/runtime/pickle_builder.h"
#include "tests/runtime/zip_builder.h"

namespace afnet_test::torch {

using namespace afnet_test::pickle;

/// One storage of 6 floats, 0 to 5, as the entry archive/data/0, and the pickle that goes with it.
inline std::string checkpoint(const std::string &opcodes, std::vector<ZipContents> more = {}) {
    std::string storage;
    for (const float number : {0.0F, 1.0F, 2.0F, 3.0F, 4.0F, 5.0F}) {
        storage.append(reinterpret_cast<const char *>(&number), sizeof number);
    }
    more.insert(more.begin(), {{"archive/data.pkl", pickled(opcodes)}, {"archive/data/0", storage}});
    return build_zip(more, true).bytes;
}

inline std::string storage_id(int64_t elements = 6, const std::string &type = "FloatStorage",
                              const std::string &key = "0") {
    return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") + integer(elements) + "tQ";
}

inline std::string tuple(const std::vector<int64_t> &numbers) {
    std::string opcodes = "(";
    for (const int64_t number : numbers)
        opcodes += integer(number);
    return opcodes + "t";
}

inline std::string tensor(int64_t offset, const std::vector<int64_t> &shape, const std::vector<int64_t> &strides,
                          const std::string &storage = storage_id()) {
    return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + integer(offset) + tuple(shape) +
           tuple(strides) + "\x89" + ordered_dict() + "tR";
}

inline std::string state_dict(const std::string &value, const std::string &key = "t") {
    return "}" + text(key) + value + "s";
}

inline std::vector<afnet::TorchTensor> parsed(const std::string &bytes) {
    return afnet::parse_torch_checkpoint(bytes_of(bytes), bytes.size(), "some.pth");
}

inline std::string refusal_of(const std::string &bytes) {
    const std::string message = refusal([&] { parsed(bytes); });
    CHECK_THAT(message, Catch::Matchers::StartsWith("some.pth: "));
    return message;
}

/// What follows the path in the message for tests/fixtures/torch/<name>.
inline std::string refusal_of_fixture(const std::string &name) {
    const std::string path = fixture("torch/" + name);
    const std::string message = refusal([&] { afnet::read_torch_checkpoint(path); });
    CHECK_THAT(message, Catch::Matchers::StartsWith(path + ": "));
    return message.substr(path.size() + 2);
}

/// Checks that element i of a tensor is `expected(i)`, where i counts in PyTorch's order.
template <typename Expected>
void check_tensor(const afnet::TorchTensor &tensor, const std::vector<int64_t> &shape, Expected expected) {
    INFO(tensor.name);
    CHECK(tensor.shape == shape);
    size_t count = 1;
    for (const int64_t extent : shape)
        count *= static_cast<size_t>(extent);
    REQUIRE(tensor.values.size() == count);
    size_t wrong = 0;
    for (size_t i = 0; i < count; ++i)
        wrong += tensor.values[i] != static_cast<float>(expected(i));
    CHECK(wrong == 0);
}

} // namespace afnet_test::torch
