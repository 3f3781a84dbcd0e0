// Tensors of a plan in this process's memory.
#pragma once

#include "runtime/arena.h"
#include "runtime/tensor_store.h"

namespace afnet {

class HostTensors : public TensorStore {
public:
    /// `plan` must outlive it. Throws Error when the memory cannot be had.
    explicit HostTensors(const Plan &plan);

    void set_constant(TensorId id, const void *elements, size_t bytes) override;
    void share_constant(TensorId id, TensorStore &owner, TensorId original) override;
    bool has(TensorId id) const override;
    bool lend(TensorId id, void *memory) override;
    void bring(TensorId id, const void *from) override;
    void fetch(TensorId id, void *to) override;
    TensorMemory memory(TensorId id) override;
    std::vector<int> strides(TensorId id) const override;
    void attach(halide_buffer_t &view, TensorId id, size_t offset, bool written) override;
    void detach_all() override {}
    void populate() override { block_.populate(); }
    void begin_run() override {}
    void end_step(bool) override {}
    void end_run() override {}
    size_t arena_bytes() const override { return arena_.bytes; }
    size_t constant_bytes() const override;

private:
    bool elsewhere(TensorId id) const;

    const Plan &plan_;
    ArenaLayout arena_;
    AlignedBytes block_; // all arena tensors
    std::vector<AlignedBytes> inputs_;
    PieceMemory constant_memory_;
    std::vector<TensorMemory> constants_; // in constant_memory_, or of another store; and what is lent
};

} // namespace afnet
