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

bool HostTensors::has(TensorId id) const {
    return plan_.tensors[size_t(id)].storage != Storage::Constant || constants_[size_t(id)].data;
}

TensorMemory HostTensors::memory(TensorId id) {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    if (tensor.storage == Storage::Constant) return constants_[size_t(id)];
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
    for (const TensorMemory &memory : constants_)
        total += memory.bytes;
    return total;
}

} // namespace afnet
