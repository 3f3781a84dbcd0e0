// One block of memory for all activations of a plan.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/plan.h"

namespace afnet {

constexpr size_t kAlignment = 64;

/// Zeroed memory at a multiple of kAlignment; large blocks lie on huge pages where the system has them.
class AlignedBytes {
public:
    /// Forgets what was there. Throws Error when the memory cannot be had.
    void resize(size_t bytes);
    unsigned char *data() const { return memory_.get(); }
    size_t size() const { return bytes_; }

private:
    struct Free {
        void operator()(unsigned char *memory) const;
    };
    std::unique_ptr<unsigned char, Free> memory_;
    size_t bytes_ = 0;
};

/// Extents as they lie in memory: with border and zero frame.
std::vector<int> stored_extents(const TensorInfo &tensor);
size_t element_bytes(ElementType type);
/// Bytes in memory, a multiple of kAlignment. Throws Error when the tensor is too large for Halide (2^31 bytes).
size_t stored_bytes(const TensorInfo &tensor);

/// Where each arena tensor lies.
struct ArenaLayout {
    std::vector<size_t> offsets;  // by tensor; meaningless for other storages
    size_t bytes = 0;
};

/// Places every Arena and Kept tensor of the plan. Tensors whose lives (first to last step) do not meet may share
/// memory. Zero borders and zero frames are zeroed once and never written by steps: a tensor that has them shares
/// memory only with tensors of the same stored shape, whose zeroes lie in the same places.
ArenaLayout plan_arena(const Plan &plan);

}  // namespace afnet
