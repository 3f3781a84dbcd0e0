#include "runtime/host_tensors.h"

#include <cstring>

namespace afnet {

HostTensors::HostTensors(const Plan &plan)
    : plan_(plan), arena_(plan_arena(plan)), inputs_(plan.tensors.size()), constants_(plan.tensors.size()) {
    block_.resize(arena_.bytes);
    for (size_t i = 0; i < plan.tensors.size(); i++) {
        if (plan.tensors[i].storage == Storage::Input) inputs_[i].resize(stored_bytes(plan.tensors[i]));
    }
}

void HostTensors::set_constant(TensorId id, const void *elements, size_t bytes) {
    const size_t stored = stored_bytes(plan_.tensors[size_t(id)]);
    unsigned char *memory = constant_memory_.take(stored);
    std::memcpy(memory, elements, bytes);
    std::memset(memory + bytes, 0, stored - bytes);
    constants_[size_t(id)] = {memory, stored};
}

void HostTensors::share_constant(TensorId id, TensorStore &owner, TensorId original) {
    constants_[size_t(id)] = owner.memory(original);
}

// Neither in the arena nor among the inputs.
bool HostTensors::elsewhere(TensorId id) const {
    const Storage storage = plan_.tensors[size_t(id)].storage;
    return storage == Storage::Constant || storage == Storage::Lent;
}

bool HostTensors::has(TensorId id) const {
    return !elsewhere(id) || constants_[size_t(id)].data;
}

bool HostTensors::lend(TensorId id, void *memory) {
    TensorMemory &lent = constants_[size_t(id)];
    if (lent.data == memory) return false;
    lent = {memory, stored_bytes(plan_.tensors[size_t(id)])};
    return true;
}

namespace {

// Calls for each stretch of elements that lie densely in memory too: `at(dense, stored, count)`, places in elements.
template <class Visit> void for_each_stretch(const TensorInfo &tensor, Visit at) {
    const std::vector<int> &extents = tensor.extents;
    if (tensor.border == 0) {
        size_t elements = 1;
        for (int extent : extents)
            elements *= size_t(extent);
        at(size_t(0), size_t(0), elements);
        return;
    }
    const std::vector<int> strides = stored_strides(tensor);
    const size_t row = size_t(extents[0]) * size_t(extents[1]);
    size_t dense = 0;
    for (int f = 0; f < extents[3]; f++) {
        for (int y = 0; y < extents[2]; y++, dense += row) {
            const size_t stored = size_t(f) * size_t(strides[3]) + size_t(y + tensor.border) * size_t(strides[2]) +
                                  size_t(tensor.border) * size_t(strides[1]);
            at(dense, stored, row);
        }
    }
}

} // namespace

void HostTensors::bring(TensorId id, const void *from) {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    const size_t bytes = element_bytes(tensor.type);
    unsigned char *stored = static_cast<unsigned char *>(memory(id).data);
    for_each_stretch(tensor, [&](size_t dense, size_t at, size_t count) {
        std::memcpy(stored + at * bytes, static_cast<const unsigned char *>(from) + dense * bytes, count * bytes);
    });
}

void HostTensors::fetch(TensorId id, void *to) {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    const size_t bytes = element_bytes(tensor.type);
    const unsigned char *stored = static_cast<const unsigned char *>(memory(id).data);
    for_each_stretch(tensor, [&](size_t dense, size_t at, size_t count) {
        std::memcpy(static_cast<unsigned char *>(to) + dense * bytes, stored + at * bytes, count * bytes);
    });
}

TensorMemory HostTensors::memory(TensorId id) {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    if (elsewhere(id)) return constants_[size_t(id)];
    if (tensor.storage == Storage::Input) return {inputs_[size_t(id)].data(), inputs_[size_t(id)].size()};
    return {block_.data() + arena_.offsets[size_t(id)], stored_bytes(tensor)};
}

std::vector<int> HostTensors::strides(TensorId id) const {
    return stored_strides(plan_.tensors[size_t(id)]);
}

void HostTensors::attach(halide_buffer_t &view, TensorId id, size_t offset, bool) {
    const size_t skipped = offset * element_bytes(plan_.tensors[size_t(id)].type);
    view.host = static_cast<unsigned char *>(memory(id).data) + skipped;
}

size_t HostTensors::constant_bytes() const {
    size_t total = 0;
    for (size_t id = 0; id < constants_.size(); id++) {
        if (plan_.tensors[id].storage == Storage::Constant) total += constants_[id].bytes;
    }
    return total;
}

} // namespace afnet
