// Where the tensors of one plan lie: in this process's memory (runtime/host_tensors.h) or in a device's
// (runtime/device_tensors.h). The executor asks one of the two, and knows no more about it.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "HalideRuntime.h"
#include "runtime/plan.h"

namespace afnet {

/// Memory that belongs to somebody else, seen as a tensor's elements (stored layout: with border and zero frame).
struct TensorMemory {
    void *data = nullptr;
    size_t bytes = 0;
};

class TensorStore {
public:
    virtual ~TensorStore() = default;

    /// A constant's elements, `bytes` of them; its extents are in the plan. Threads may set different ones at a time.
    virtual void set_constant(TensorId id, const void *elements, size_t bytes) = 0;
    /// Another store's constant as this one's. Both are of one kind; the owner must outlive this store.
    virtual void share_constant(TensorId id, TensorStore &owner, TensorId original) = 0;
    /// Whether a tensor has elements: false for constants that nobody set.
    virtual bool has(TensorId id) const = 0;

    /// Has a Lent tensor be memory where kernels run: this process's, or the device's. Whether it was another one.
    virtual bool lend(TensorId id, void *memory) = 0;
    /// Copies a Lent or Input tensor's elements, without border and zero frame, from or to such memory, where they lie
    /// densely. The memory is free when fetch() returns, and what `bring` reads when the run has ended.
    virtual void bring(TensorId id, const void *from) = 0;
    virtual void fetch(TensorId id, void *to) = 0;

    /// A tensor's elements in this process's memory, dense: those of an Input to write before a run, any to read.
    virtual TensorMemory memory(TensorId id) = 0;
    /// By how many elements the stored tensor's dimensions lie apart where kernels see it.
    virtual std::vector<int> strides(TensorId id) const = 0;
    /// Has `view` see the tensor from element `offset` on; valid until detach_all(). `written`: by the kernel.
    virtual void attach(halide_buffer_t &view, TensorId id, size_t offset, bool written) = 0;

    /// Forgets what is attached; the views must not be used any more.
    virtual void detach_all() = 0;

    /// Gets memory ready that the first run would wait for.
    virtual void populate() = 0;
    /// Before the steps of a run: what has been written to Inputs reaches the kernels.
    virtual void begin_run() = 0;
    /// After each step; `wait`: until it has ended.
    virtual void end_step(bool wait) = 0;
    /// After a run: Kept tensors can be read.
    virtual void end_run() = 0;

    /// Bytes of activations, and of constants.
    virtual size_t arena_bytes() const = 0;
    virtual size_t constant_bytes() const = 0;
};

} // namespace afnet
