// A training step on a batch that is cut into micro-batches, which the ranks of a group compute in turn. Its results
// have the same bits for any number of ranks, because sums go over micro-batches in their order.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "model/training_network.h"
#include "runtime/process_group.h"

namespace afnet {

/// Who computes what of a batch: micro-batch k belongs to rank k mod ranks.
struct BatchDivision {
    int batch = 1, micro_batch = 1; // clips
    int rank = 0, ranks = 1;

    int micro_batches() const { return batch / micro_batch; }
    /// Micro-batches of this rank, and where the clips of the one with number `mine` begin in the batch.
    int own_micro_batches() const { return micro_batches() / ranks; }
    int first_clip(int mine) const { return (mine * ranks + rank) * micro_batch; }
};

/// The most clips of a micro-batch that nobody has asked for.
constexpr int kUsualMicroBatch = 8;

/// `micro_batch`: clips; 0: the largest divisor of the batch up to kUsualMicroBatch. Throws Error where the batch
/// cannot be cut so, or the micro-batches cannot be shared out evenly.
BatchDivision divide_batch(int batch, int micro_batch, const ProcessGroup &group);

/// Sums equally long vectors in a fixed order: those of round 0 by rank, then those of round 1, and so on. Each rank
/// sums one slice for all.
class OrderedSum {
public:
    OrderedSum(ProcessGroup &group, size_t elements);

    /// Begins another sum; what was added is forgotten.
    void begin() { begun_ = false; }
    /// Where a rank puts its vector [elements] of the next round, and finds the sum after finish().
    float *values() { return values_.data(); }
    /// Adds all ranks' vectors of a round.
    void add();
    /// Gives all ranks the sum.
    void finish();

private:
    ProcessGroup &group_;
    size_t slice_; // elements of one rank's
    std::vector<float> values_, taken_, sum_;
    bool begun_ = false;
};

/// A step of `network`, whose clips are one micro-batch. Statistics of BatchNorm are those of a micro-batch, as with
/// one replica of a network per device; gradients, losses, and changes of running statistics are means over
/// micro-batches. The ratio of what masks select is that of the whole batch: where masks are learned, a forward pass over
/// each micro-batch counts selected frames and patches before the first backward pass. A rank keeps one micro-batch's
/// activations, so the forward passes of its others run twice.
class DividedStep {
public:
    /// Both must outlive it.
    DividedStep(TrainingNetwork &network, ProcessGroup &group, const BatchDivision &division);

    /// `load(i)` puts this rank's micro-batch i into the network. The result is the whole batch's, but for predictions,
    /// which are this rank's. Where it is not finite, nothing has changed; likewise after Interrupted, which one
    /// process by itself throws. Ranks do not stop within a step, as the others would wait.
    StepResult run(const StepSettings &settings, const std::function<void(int)> &load);

private:
    // A tensor of floats that micro-batches share.
    struct Shared {
        TensorId tensor = kNoTensor;
        size_t elements = 0;
    };
    // TrainingNetwork::mask_counts() of one micro-batch or more.
    using MaskCounts = std::vector<double>;

    void share(TensorId tensor, std::vector<Shared> &list);
    std::vector<MaskCounts> count_masks(const StepSettings &settings, const std::function<void(int)> &load,
                                          const std::vector<float> &before);
    void tell_others(const MaskCounts &all, const MaskCounts &own);
    StepResult run_micro_batches(const StepSettings &settings, const std::function<void(int)> &load,
                                 const std::vector<float> &before);
    float *data(const Shared &shared);
    std::vector<float> statistics();
    void set_statistics(const std::vector<float> &values);
    void collect(const std::vector<float> &before);
    void spread(const std::vector<float> &before);

    TrainingNetwork &network_;
    ProcessGroup &group_;
    BatchDivision division_;
    std::vector<Shared> gradients_, statistics_;
    std::unique_ptr<OrderedSum> sum_;
};

} // namespace afnet
