// Runs a plan: binds its steps to kernels and memory once, then calls one kernel after the other.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/kernel_library.h"
#include "runtime/plan.h"
#include "runtime/tensor_store.h"

namespace afnet {

class CudaGraph;
class VendorSteps;
struct Device;

/// What an observer sees after each step.
struct StepReport {
    size_t index = 0;
    const Step *step = nullptr;
    int frames = 0; // that the step computed: the count where it has one
    std::chrono::steady_clock::time_point begin, end;
};

class Executor {
public:
    /// Finds the kernels of all steps, and places tensors where these run: on the CPU, or on the device of the
    /// libraries' target, which is opened. On CUDA, steps may get kernels of cuDNN and cuBLASLt in their place, as
    /// KernelStore::vendor_policy() says; their tensors then have no borders in plan() but where another
    /// step reads these. Throws Error when a kernel is missing from the libraries, there is no such
    /// device, or memory cannot be had. Constants are not filled yet: see set_constant().
    Executor(Plan plan, KernelStore &kernels, const std::string &model);
    ~Executor();

    const Plan &plan() const { return plan_; }
    /// The kernel that step `index` runs; its entry tells how constants are packed.
    const Kernel &kernel(size_t index) const { return *kernels_[index]; }
    /// How many steps run kernels of a vendor's library.
    size_t vendor_steps() const;

    /// Gives a Constant its extents and elements (as many as the extents say), packed as the kernel wants them. Before
    /// the first run, threads may set different constants at the same time.
    template <class Element>
    void set_constant(TensorId id, std::vector<int> extents, const std::vector<Element> &elements) {
        set_constant(id, std::move(extents), elements.data(), elements.size() * sizeof(Element));
    }

    /// The same for numbers: rounded to bfloat16 where that is what the kernel reads.
    void set_constant(TensorId id, std::vector<int> extents, const std::vector<float> &elements);

    /// Uses another executor's Constant as this one's; `owner` must outlive this executor.
    void share_constant(TensorId id, Executor &owner, TensorId original);

    /// Has a Lent tensor be the caller's memory from the next run on: this process's, or on a device the device's (of
    /// CUDA). The memory must last as long.
    void lend(TensorId id, void *memory) {
        if (tensors_->lend(id, memory)) prepared_ = false;
    }
    /// Copies the dense elements of an Input or a Lent tensor from such memory in front of a run, and behind it to such
    /// memory.
    void bring(TensorId id, const void *from) { tensors_->bring(id, from); }
    void fetch(TensorId id, void *to) { tensors_->fetch(id, to); }

    /// Elements of an Input (to write), a Kept tensor after a run, or any tensor from an observer. On a device it is a
    /// copy: what was written to an Input reaches the device with the next run, so ask again before writing again.
    TensorMemory memory(TensorId id) { return tensors_->memory(id); }

    /// Has a device get now what was written to Inputs, which the next run would wait for.
    void send_inputs();

    /// Gets ready what the first run would wait for: the arena's memory, and on a device the kernels' modules, by a run
    /// on the Inputs as they are.
    void warm_up();

    /// The device that the kernels run on; null: the CPU.
    const Device *device() const { return device_; }

    /// The numbers that memory() holds, of a tensor of floats or bfloat16.
    std::vector<float> numbers(TensorId id);

    /// Called after each step with its report; taps of the plan become readable through memory().
    using Observer = std::function<void(const StepReport &)>;

    /// Runs all steps. On the CPU a step with a count of 0 costs nothing. On a device the steps are handed over one
    /// behind the other, and waited for once, when Kept tensors are copied back; an observer makes each step wait.
    /// Throws Error when a kernel fails (with its label and Halide's words), Interrupted after Ctrl-C.
    void run(const Observer &observer = nullptr);

    /// Runs all steps `times` times, and waits once, at the end. On CUDA all of it is one graph, which the call records
    /// unless the last one had the same number: what is timed had such a call before. Throws as run().
    void run_times(int times);

    /// Steps [begin, end) alone. What must not be left half done is not `interruptible`.
    void run_steps(size_t begin, size_t end, bool interruptible, const Observer &observer = nullptr);

    /// Changes a scalar argument of one step, or of all steps that have one of this name, from the next run on.
    void set_scalar(size_t index, const std::string &name, double value);
    void set_scalars(const std::string &name, double value);

    size_t arena_bytes() const { return tensors_->arena_bytes(); }
    size_t constant_bytes() const { return tensors_->constant_bytes(); }

private:
    struct Binding;
    void set_constant(TensorId id, std::vector<int> extents, const void *elements, size_t elements_bytes);
    void type_constants();
    std::optional<Argument> argument(const Step &step, const std::string &name) const;
    void bind(size_t index);
    void forget_graphs();
    void prepare();
    int call(size_t index);
    void call_vendor(size_t index);
    std::string failure(size_t index, const std::string &words) const;
    bool replay(std::unique_ptr<CudaGraph> &graph, int times);

    Plan plan_;
    std::vector<const Kernel *> kernels_;
    const Device *device_ = nullptr;  // null: the CPU
    TensorId all_frames_ = kNoTensor; // on a device: the count of steps without a list
    std::unique_ptr<VendorSteps> vendor_; // null: none
    std::unique_ptr<TensorStore> tensors_;
    std::vector<std::unique_ptr<Binding>> bindings_;
    bool prepared_ = false;
    bool ran_ = false;                 // as it is prepared: modules are loaded
    bool recordable_ = true;           // false where the driver could not
    std::unique_ptr<CudaGraph> graph_; // on CUDA: all steps, from the second run on
    std::unique_ptr<CudaGraph> repeated_graph_; // the same so many times
    int repeated_times_ = 0;
};

} // namespace afnet
