// One block of memory for all activations of a plan.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/plan.h"

namespace afnet {

constexpr size_t kAlignment = 64;

/// Gives a block back to where it is from.
struct FreeBlock {
    size_t mapped = 0; // bytes that mmap gave; 0: the block is from aligned_alloc
    void operator()(unsigned char *memory) const;
};

/// Zeroed memory at a multiple of kAlignment; large blocks lie on huge pages where the system has them. The system
/// gives a block of kMappedBytes or more its pages, which are zero, when they are first written to.
class AlignedBytes {
public:
    static constexpr size_t kMappedBytes = size_t(32) << 20;
    /// Forgets what was there. Throws Error when the memory cannot be had.
    void resize(size_t bytes);
    unsigned char *data() const { return memory_.get(); }
    size_t size() const { return bytes_; }
    /// Has the system give all pages now, on all threads; the first run would wait for them otherwise. Changes no byte.
    void populate();

private:
    std::unique_ptr<unsigned char, FreeBlock> memory_;
    size_t bytes_ = 0;
};

/// Memory at multiples of kAlignment, handed out piece by piece and given back as a whole. Any thread may take.
class PieceMemory {
public:
    /// Not zeroed. Throws Error when the memory cannot be had.
    unsigned char *take(size_t bytes);
    void clear();

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<unsigned char, FreeBlock>> chunks_;
    size_t used_ = 0, chunk_bytes_ = 0; // of the last chunk
};

/// How tensors are stored.
struct StorageRules {
    size_t alignment = kAlignment; // bytes that tensors begin at a multiple of
    bool aligned_interior = false; // so does what a border surrounds: rows lie further apart where they must
};

/// Extents as they lie in memory: with border and zero frame.
std::vector<int> stored_extents(const TensorInfo &tensor);
/// Elements between neighbours in each dimension.
std::vector<int> stored_strides(const TensorInfo &tensor, const StorageRules &rules = {});
size_t element_bytes(ElementType type);
/// Bytes in memory, a multiple of the alignment. Throws Error when the tensor is too large for Halide (2^31 bytes).
size_t stored_bytes(const TensorInfo &tensor, const StorageRules &rules = {});

/// Where each arena tensor lies.
struct ArenaLayout {
    std::vector<size_t> offsets;  // by tensor; meaningless for other storages
    size_t bytes = 0;
};

/// Places every Arena and Kept tensor of the plan. Tensors whose lives (first to last step) do not meet may share
/// memory. Zero borders and zero frames are zeroed once and never written by steps: a tensor that has them shares
/// memory only with tensors of the same stored shape, whose zeroes lie in the same places.
ArenaLayout plan_arena(const Plan &plan, const StorageRules &rules = {});

}  // namespace afnet
