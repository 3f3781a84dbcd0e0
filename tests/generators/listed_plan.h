// Layers lowered by PlanBuilder and run by the executor on a work list that the test names: lists, counts and views are
// bound as networks bind them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/plan_builder.h"
#include "runtime/executor.h"
#include "tests/frame_memory.h"

namespace afnet {

/// A mask's work list by definition, [3, f]: the frames, selected ones first, and the ones that they read as their next
/// and previous frame; index f beyond a clip's ends.
std::vector<int> source_list(const std::vector<int> &mask, int clip_frames);

/// The frames that a mask selects, ascending.
std::vector<int> selected_frames(const std::vector<int> &mask);

/// None, all, the first and the last frame of each clip alone, all but the first, every other one, some.
std::vector<std::vector<int>> awkward_masks(int clip_frames, int clips);

class ListedPlan {
public:
    ListedPlan(bool shift, const RunShape &shape);

    PlanBuilder &builder() { return builder_; }
    const Selection &selection() const { return selection_; }

    /// A tensor that the test fills; `shiftable`: with a zero frame where the plan shifts.
    Feature input(const std::string &name, int channels, int border = 0, bool shiftable = false);
    /// Keeps what a layer wrote until the run has ended.
    void keep(const Feature &feature);

    /// Lowering is over: finds the kernels, preferably in `library`, and packs the parameters.
    void open(KernelStore &kernels, const std::string &library, const Weights &weights);

    void select(const std::vector<int> &mask);
    void write(const Feature &feature, const Tensor4 &values);
    Tensor4 read(const Feature &feature);
    void run() { executor_->run(); }
    Executor &executor() { return *executor_; }

private:
    const TensorInfo &info(TensorId id) const { return executor_->plan().tensors[size_t(id)]; }

    PlanBuilder builder_;
    Selection selection_;
    std::unique_ptr<Executor> executor_;
};

}  // namespace afnet
