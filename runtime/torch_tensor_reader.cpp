#include "runtime/torch_tensor_reader.h"

#include <cstring>

#include "runtime/element_type.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr size_t max_rank = 8;

struct StorageType {
    const char *global, *dtype;
};

constexpr StorageType storage_types[] = {
    {"torch.FloatStorage", "F32"},     {"torch.DoubleStorage", "F64"}, {"torch.HalfStorage", "F16"},
    {"torch.BFloat16Storage", "BF16"}, {"torch.LongStorage", "I64"},   {"torch.IntStorage", "I32"},
    {"torch.ShortStorage", "I16"},     {"torch.CharStorage", "I8"},    {"torch.ByteStorage", "U8"},
    {"torch.BoolStorage", "BOOL"},
};

// "torch._utils._rebuild_tensor_v2" for a value that PyTorch would make by calling that; empty for any other.
std::string callable(const PickleValue &value) {
    const bool named = value.kind == PickleKind::object && value.items[0]->kind == PickleKind::global;
    return named ? value.items[0]->text : std::string();
}

bool is_dense(const std::vector<int64_t> &shape, const std::vector<int64_t> &strides) {
    int64_t expected = 1;
    for (size_t i = shape.size(); i-- > 0;) {
        if (shape[i] != 1 && strides[i] != expected) return false;
        expected *= shape[i];
    }
    return true;
}

// Copies a view's elements, one of `size` bytes at a time, so that they are dense. The view is not empty.
std::vector<unsigned char> dense_copy(const unsigned char *from, size_t size, const std::vector<int64_t> &shape,
                                      const std::vector<int64_t> &strides, uint64_t count) {
    std::vector<unsigned char> dense(count * size);
    std::vector<int64_t> index(shape.size(), 0);
    uint64_t position = 0; // unsigned: the stride of an extent of 1 may be anything, and is added and taken off again
    for (unsigned char *to = dense.data();; to += size) {
        std::memcpy(to, from + position * size, size);
        size_t axis = shape.size();
        while (axis-- > 0) {
            position += static_cast<uint64_t>(strides[axis]);
            if (++index[axis] < shape[axis]) break;
            position -= static_cast<uint64_t>(strides[axis]) * static_cast<uint64_t>(shape[axis]);
            index[axis] = 0;
        }
        if (axis == static_cast<size_t>(-1)) return dense;
    }
}

} // namespace

bool is_torch_tensor(const PickleValue &value) {
    const std::string name = callable(value);
    return name.rfind("torch._utils._rebuild_", 0) == 0 || name.rfind("torch._tensor._rebuild_", 0) == 0;
}

void TorchTensorReader::refuse(const std::string &what, const std::string &expected) const {
    throw Error(path_ + ": tensor " + printable(tensor_) + " " + what + "; " + expected +
                " expected. The file is damaged or its tensors are of another kind: save the state_dict again, as " +
                "dense tensors on the CPU");
}

// The arguments of _rebuild_tensor or _rebuild_tensor_v2, which start with storage, offset, shape and strides.
const PickleValue &TorchTensorReader::arguments(const PickleValue &value) const {
    const PickleValue *tensor = &value;
    // (tensor, requires_grad, hooks)
    if (callable(value) == "torch._utils._rebuild_parameter" && !value.items[1]->items.empty()) {
        tensor = value.items[1]->items[0];
    }
    const std::string name = callable(*tensor);
    if (name != "torch._utils._rebuild_tensor_v2" && name != "torch._utils._rebuild_tensor") {
        refuse("is rebuilt by " + (name.empty() ? "nothing" : printable(name)), "torch._utils._rebuild_tensor_v2");
    }
    if (tensor->items[1]->items.size() < 4) {
        refuse("has " + std::to_string(tensor->items[1]->items.size()) + " arguments to be rebuilt from", "at least 4");
    }
    return *tensor->items[1];
}

int64_t TorchTensorReader::integer(const PickleValue &value, const char *what) const {
    if (value.kind != PickleKind::integer || value.integer < 0) {
        const bool known = value.kind == PickleKind::integer;
        refuse(std::string("has a ") + what + " of " + (known ? std::to_string(value.integer) : "another type"),
               "a whole number from 0 to 9223372036854775807");
    }
    return value.integer;
}

std::vector<int64_t> TorchTensorReader::integers(const PickleValue &value, const char *what) const {
    if (value.kind != PickleKind::tuple) refuse(std::string("has a ") + what + " of another type", "a tuple");
    if (value.items.size() > max_rank) {
        refuse(std::string("has a ") + what + " of " + std::to_string(value.items.size()) + " numbers",
               "a rank of at most 8");
    }
    std::vector<int64_t> numbers;
    for (const PickleValue *item : value.items)
        numbers.push_back(integer(*item, what));
    return numbers;
}

// The id of a storage: ('storage', type, key, location, number of elements).
TorchTensorReader::Storage TorchTensorReader::storage(const PickleValue &value) {
    const bool persistent = value.kind == PickleKind::persistent && value.items[0]->kind == PickleKind::tuple;
    if (!persistent || value.items[0]->items.size() < 5) refuse("has no storage", "one");
    const std::vector<const PickleValue *> &id = value.items[0]->items;
    if (id[1]->kind != PickleKind::global || id[2]->kind != PickleKind::text)
        refuse("has no storage", "its type and key");

    Storage result{nullptr, static_cast<uint64_t>(integer(*id[4], "storage size")), nullptr, 0};
    for (const StorageType &type : storage_types) {
        if (id[1]->text == type.global) result.dtype = type.dtype;
    }
    if (!result.dtype)
        refuse("has a storage of type " + printable(id[1]->text), "torch.FloatStorage or another plain one");
    result.element_bytes = element_bytes(result.dtype);

    const std::string name = folder_ + "/data/" + id[2]->text;
    const ZipEntry *entry = archive_.find(name);
    if (!entry) refuse("has its storage in " + printable(name) + ", which is missing", "that entry of the archive");
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(result.elements, result.element_bytes, &bytes) || bytes != entry->size) {
        refuse("has a storage of " + std::to_string(result.elements) + " elements of " + result.dtype + " in " +
                   printable(name) + " of " + std::to_string(entry->size) + " bytes",
               "sizes that match");
    }
    if (checksums_ == Checksums::verify && verified_.insert(entry).second) archive_.verify(*entry);
    result.data = entry->data;
    return result;
}

TorchTensorReader::View TorchTensorReader::view(const PickleValue &arguments, const Storage &storage) {
    View view;
    view.offset = static_cast<uint64_t>(integer(*arguments.items[1], "storage offset"));
    view.shape = integers(*arguments.items[2], "shape");
    view.strides = integers(*arguments.items[3], "stride");
    if (view.strides.size() != view.shape.size()) {
        refuse("has shape " + shape_text(view.shape) + " with strides " + shape_text(view.strides), "as many strides");
    }
    const std::optional<uint64_t> count = element_count(view.shape);
    // More elements than the storage: some would be repeated, and a few bytes could claim any amount of memory.
    if (!count || *count > storage.elements) {
        refuse("has shape " + shape_text(view.shape),
               "at most the " + std::to_string(storage.elements) + " elements of its storage");
    }
    view.count = *count;
    check_reach(view, storage);
    if (view.count > elements_left_) {
        refuse("has shape " + shape_text(view.shape) +
                   ", and with it all tensors more than 16 times the size of the file",
               "fewer tensors that share a storage");
    }
    elements_left_ -= view.count;
    return view;
}

void TorchTensorReader::check_reach(const View &view, const Storage &storage) const {
    if (view.count == 0) return; // PyTorch leaves any offset in a slice without elements
    uint64_t last = view.offset;
    bool overflow = false;
    for (size_t i = 0; i < view.shape.size(); ++i) {
        uint64_t reach = 0;
        overflow |= __builtin_mul_overflow(static_cast<uint64_t>(view.shape[i] - 1),
                                           static_cast<uint64_t>(view.strides[i]), &reach);
        overflow |= __builtin_add_overflow(last, reach, &last);
    }
    if (overflow || last >= storage.elements) {
        refuse("has shape " + shape_text(view.shape) + " with strides " + shape_text(view.strides) + " from offset " +
                   std::to_string(view.offset),
               "a reach within the " + std::to_string(storage.elements) + " elements of its storage");
    }
}

TorchTensor TorchTensorReader::read(const std::string &name, const PickleValue &value) {
    tensor_ = name;
    const PickleValue &rebuild = arguments(value);
    const Storage from = storage(*rebuild.items[0]);
    const View shown = view(rebuild, from);

    TorchTensor tensor{name, from.dtype, shown.shape, std::vector<float>(shown.count)};
    if (shown.count == 0) return tensor;
    const unsigned char *first = from.data + shown.offset * from.element_bytes;
    if (is_dense(shown.shape, shown.strides)) {
        convert_elements(tensor.dtype, first, shown.count, tensor.values.data());
    } else {
        const auto dense = dense_copy(first, from.element_bytes, shown.shape, shown.strides, shown.count);
        convert_elements(tensor.dtype, dense.data(), shown.count, tensor.values.data());
    }
    return tensor;
}

} // namespace afnet
