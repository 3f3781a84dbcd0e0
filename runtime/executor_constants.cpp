// The executor's numbers: constants as kernels want them, and tensors read back.
#include <algorithm>

#include "runtime/arena.h"
#include "runtime/argument_view.h"
#include "runtime/element_type.h"
#include "runtime/error.h"
#include "runtime/executor.h"

namespace afnet {

// Which numbers a kernel reads as bfloat16 is its own affair: weights are, where its algorithm multiplies such pairs.
void Executor::type_constants() {
    for (size_t i = 0; i < plan_.steps.size(); i++) {
        const halide_filter_metadata_t &metadata = *kernels_[i]->metadata;
        for (const Argument &argument : plan_.steps[i].arguments) {
            TensorInfo &tensor = plan_.tensors[size_t(argument.tensor)];
            if (tensor.storage != Storage::Constant) continue;
            for (int a = 0; a < metadata.num_arguments; a++) {
                const halide_filter_argument_t &wanted = metadata.arguments[a];
                if (argument.name == wanted.name && wanted.type.code == halide_type_bfloat) {
                    tensor.type = ElementType::BFloat16;
                }
            }
        }
    }
}

void Executor::set_constant(TensorId id, std::vector<int> extents, const std::vector<float> &elements) {
    if (plan_.tensors[size_t(id)].type != ElementType::BFloat16) {
        set_constant(id, std::move(extents), elements.data(), elements.size() * sizeof(float));
        return;
    }
    std::vector<uint16_t> rounded(elements.size());
    std::transform(elements.begin(), elements.end(), rounded.begin(), bfloat16_bits);
    set_constant(id, std::move(extents), rounded.data(), rounded.size() * sizeof(uint16_t));
}

std::vector<float> Executor::numbers(TensorId id) {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    size_t count = 1;
    for (int extent : stored_extents(tensor))
        count *= size_t(extent);
    const TensorMemory memory = this->memory(id);
    std::vector<float> numbers(count);
    switch (tensor.type) {
    case ElementType::Float32:
        std::copy_n(static_cast<const float *>(memory.data), count, numbers.begin());
        break;
    case ElementType::BFloat16:
        std::transform(static_cast<const uint16_t *>(memory.data), static_cast<const uint16_t *>(memory.data) + count,
                       numbers.begin(), float_of_bfloat16);
        break;
    default:
        throw Error("tensor " + tensor.name + " holds whole numbers; floats or bfloat16 expected");
    }
    return numbers;
}

void Executor::set_constant(TensorId id, std::vector<int> extents, const void *elements, size_t elements_bytes) {
    TensorInfo &tensor = plan_.tensors[size_t(id)];
    tensor.extents = std::move(extents);
    size_t wanted = element_bytes(tensor.type);
    for (int extent : tensor.extents)
        wanted *= size_t(extent);
    if (elements_bytes != wanted) {
        throw Error("constant " + tensor.name + " has " + std::to_string(elements_bytes) + " bytes; its extents " +
                    shape_text(tensor.extents) + " need " + std::to_string(wanted));
    }
    tensors_->set_constant(id, elements, elements_bytes);
    if (prepared_) prepared_ = false; // written by one thread only: threads set constants before the first run
}

void Executor::share_constant(TensorId id, Executor &owner, TensorId original) {
    plan_.tensors[size_t(id)].extents = owner.plan_.tensors[size_t(original)].extents;
    tensors_->share_constant(id, *owner.tensors_, original);
    prepared_ = false;
}

} // namespace afnet
