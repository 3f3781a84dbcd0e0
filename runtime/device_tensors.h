// Tensors of a plan on a device: one allocation for activations, planned once, and one for the constants of a load.
// What the host writes and reads lies in mirrors of this process's memory.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/arena.h"
#include "runtime/device.h"
#include "runtime/tensor_store.h"

namespace afnet {

/// Copies follow from what is asked for. To the device: constants once; before a run, the Inputs that memory() was
/// asked for since the last one. From it: after a run, all Kept tensors without borders, which lie together, in one
/// copy; anything else when memory() is asked for it.
class DeviceTensors : public TensorStore {
public:
    /// `plan` must outlive it. Throws Error where the device has not enough memory.
    DeviceTensors(const Plan &plan, const Device &device);
    ~DeviceTensors() override;

    void set_constant(TensorId id, const void *elements, size_t bytes) override;
    void share_constant(TensorId id, TensorStore &owner, TensorId original) override;
    bool has(TensorId id) const override;
    bool lend(TensorId id, void *memory) override;
    void bring(TensorId id, const void *from) override;
    void fetch(TensorId id, void *to) override;
    TensorMemory memory(TensorId id) override;
    std::vector<int> strides(TensorId id) const override;
    void attach(halide_buffer_t &view, TensorId id, size_t offset, bool written) override;
    void detach_all() override;
    void populate() override {}
    void begin_run() override;
    void end_step(bool wait) override;
    void end_run() override;
    size_t arena_bytes() const override { return pool_bytes_; }
    size_t constant_bytes() const override;

private:
    // Where a tensor is, and what is known of its copy on the host.
    struct Place {
        const DeviceBlock *block = nullptr; // null: a constant that waits in `staged`, or nobody set
        size_t offset = 0, bytes = 0;
        const unsigned char *staged = nullptr;
        void *lent = nullptr; // the caller's memory on the device
        AlignedBytes mirror;
        bool result = false;   // lies among those that are read together
        bool written = false;  // by kernels
        bool changed = false;  // an Input that the host may have written to
        uint64_t mirrored = 0; // the step after which the mirror got what the device had; 0: never
    };

    void plan_pool();
    bool padded(TensorId id) const;
    StorageRules rules(TensorId id) const;
    void upload_constants();
    void copy(TensorId id, bool to_device);
    void copy_elements(TensorId id, void *outside, bool bring);
    bool mirrored(TensorId id) const;

    const Plan &plan_;
    const Device &device_;
    std::vector<Place> places_;
    size_t pool_bytes_ = 0, results_begin_ = 0, results_bytes_ = 0;
    uint64_t steps_ = 1; // that have run, and one
    std::unique_ptr<DeviceBlock> pool_;
    AlignedBytes results_;
    PieceMemory staging_;
    std::vector<std::unique_ptr<DeviceBlock>> constant_blocks_;
    std::vector<halide_buffer_t> attached_; // their device halves
};

} // namespace afnet
