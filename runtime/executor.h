// Runs a plan: binds its steps to kernels and memory once, then calls one kernel after the other.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "HalideRuntime.h"
#include "runtime/arena.h"
#include "runtime/kernel_library.h"
#include "runtime/plan.h"

namespace afnet {

/// Memory that belongs to somebody else, seen as a tensor's elements (stored layout: with border and zero frame).
struct TensorMemory {
    void *data = nullptr;
    size_t bytes = 0;
};

/// What an observer sees after each step.
struct StepReport {
    size_t index = 0;
    const Step *step = nullptr;
    int frames = 0;  // that the step computed: the count where it has one
    std::chrono::steady_clock::time_point begin, end;
};

class Executor {
public:
    /// Finds the kernels of all steps and checks that each kernel's arguments are bound. Throws Error when a kernel is
    /// missing from the libraries, or memory cannot be had. Constants are not filled yet: see set_constant().
    Executor(Plan plan, KernelStore &kernels, const std::string &model);
    ~Executor();

    const Plan &plan() const { return plan_; }
    /// The kernel that step `index` runs; its knobs tell how constants are packed.
    const Kernel &kernel(size_t index) const { return *kernels_[index]; }

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

    /// Elements of an Input (to write), a Kept tensor after a run, or any tensor from an observer.
    TensorMemory memory(TensorId id);

    /// Has the system give the arena's memory now instead of during the first run.
    void populate_arena() { block_.populate(); }

    /// The numbers that memory() holds, of a tensor of floats or bfloat16.
    std::vector<float> numbers(TensorId id);

    /// Called after each step with its report; taps of the plan become readable through memory().
    using Observer = std::function<void(const StepReport &)>;

    /// Runs all steps. A step with a count of 0 costs nothing. Throws Error when a kernel fails (with its label and
    /// Halide's words), Interrupted after Ctrl-C.
    void run(const Observer &observer = nullptr);

    /// Steps [begin, end) alone. What must not be left half done is not `interruptible`.
    void run_steps(size_t begin, size_t end, bool interruptible, const Observer &observer = nullptr);

    /// Changes a scalar argument of one step, or of all steps that have one of this name, from the next run on.
    void set_scalar(size_t index, const std::string &name, double value);
    void set_scalars(const std::string &name, double value);

    size_t arena_bytes() const { return arena_.bytes; }
    size_t constant_bytes() const;

private:
    struct Binding;
    void set_constant(TensorId id, std::vector<int> extents, const void *elements, size_t elements_bytes);
    void type_constants();
    void bind(size_t index);
    void prepare();
    int call(size_t index);

    Plan plan_;
    ArenaLayout arena_;
    std::vector<const Kernel *> kernels_;
    AlignedBytes block_; // all arena tensors
    std::vector<AlignedBytes> inputs_;
    PieceMemory constant_memory_;
    std::vector<TensorMemory> constants_; // in constant_memory_, or of another executor
    std::vector<std::unique_ptr<Binding>> bindings_;
    bool prepared_ = false;
};

}  // namespace afnet
