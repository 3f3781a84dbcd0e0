// One step of a network by itself, on the memory shapes that the network gives it: what measures or compares a kernel.
#pragma once

#include <string>
#include <vector>

#include "model/plan_builder.h"
#include "runtime/executor.h"

namespace afnet {

/// Bytes that one run of a step must move at the least: every element of what it reads, and of what it writes, once,
/// for `frames` frames. `plan` is an executor's, whose constants have their extents.
double compulsory_bytes(const Plan &plan, const Step &step, int frames);

class IsolatedStep {
public:
    /// Makes a plan of the network's step `index` alone, binds it to the kernel that `kernels` has for it (the library
    /// of `model` first) and packs its constants. Activations hold seeded uniform numbers in [-1, 1], their borders and
    /// zero frames zeroes, lists all frames in order, masks ones; lists of pixels nothing, until select() gives them
    /// (model/step_selection.h). Throws Error when a kernel or a parameter is missing.
    IsolatedStep(const LoweredNetwork &network, size_t index, KernelStore &kernels, const std::string &model,
                 const Weights &weights, uint64_t seed = 1);

    const Step &step() const { return executor_.plan().steps.front(); }
    const Kernel &kernel() const { return executor_.kernel(0); }
    /// Whether a work list says how many frames the step computes.
    bool listed() const { return step().count != kNoTensor; }

    /// Has `frames` frames, points or tiles on the list from now on, at most as many as the clips have; listed steps
    /// only.
    void set_count(int frames);
    /// That one run computes.
    int frames() const;
    void run() { executor_.run(); }
    /// So many times; a device is waited for once, at the end.
    void run_times(int times) { executor_.run_times(times); }

    /// The device that the step runs on; null: the CPU.
    const Device *device() const { return executor_.device(); }
    /// How many runs fill `milliseconds` on a device, one behind the other, so that the one wait at their end counts
    /// for little; at most 1024. Runs them, and has them ready to be timed by run_times().
    int runs_within(double milliseconds);

    /// Multiply-accumulates of one run.
    double macs() const { return step().macs * frames(); }
    double compulsory_bytes() const { return afnet::compulsory_bytes(executor_.plan(), step(), frames()); }

    /// Elements of an argument by its name in the kernel's metadata, in the stored layout (with border and zero frame).
    TensorMemory argument(const std::string &name);
    /// What that is.
    const TensorInfo &tensor(const std::string &name) const;

private:
    void fill(uint64_t seed);
    TensorId tensor_of(const std::string &argument) const;

    LoweredNetwork alone_;
    Executor executor_;
};

}  // namespace afnet
