#include "model/divided_step.h"

#include <algorithm>
#include <cmath>

#include "runtime/arena.h"
#include "runtime/error.h"

namespace afnet {

BatchDivision divide_batch(int batch, int micro_batch, const ProcessGroup &group) {
    if (micro_batch <= 0) {
        micro_batch = std::min(batch, kUsualMicroBatch);
        while (batch % micro_batch != 0)
            micro_batch--;
    }
    BatchDivision division{batch, micro_batch, group.rank(), group.ranks()};
    if (batch % division.micro_batch != 0) {
        throw Error("a batch of " + std::to_string(batch) + " clips cannot be cut into micro-batches of " +
                    std::to_string(division.micro_batch));
    }
    const int count = division.micro_batches();
    if (count % division.ranks != 0) {
        throw Error("a batch of " + std::to_string(batch) + " clips is " + std::to_string(count) +
                    (count == 1 ? " micro-batch" : " micro-batches") + " of " + std::to_string(division.micro_batch) +
                    ", which " + std::to_string(division.ranks) + " processes cannot share out evenly; " +
                    "set --micro-batch, or start another number of processes");
    }
    return division;
}

OrderedSum::OrderedSum(ProcessGroup &group, size_t elements)
    : group_(group), slice_((elements + size_t(group.ranks()) - 1) / size_t(group.ranks())),
      values_(slice_ * size_t(group.ranks())), sum_(slice_) {
    if (!group_.alone()) taken_.resize(values_.size());
}

void OrderedSum::add() {
    const float *vectors = values_.data();
    if (!group_.alone()) {
        group_.exchange(values_.data(), slice_ * sizeof(float), taken_.data());
        vectors = taken_.data();
    }
    for (int rank = 0; rank < group_.ranks(); rank++) {
        const float *vector = vectors + size_t(rank) * slice_;
        if (!begun_) { // 0 + -0 is another number than -0
            std::copy_n(vector, slice_, sum_.data());
        } else {
            for (size_t i = 0; i < slice_; i++)
                sum_[i] += vector[i];
        }
        begun_ = true;
    }
}

void OrderedSum::finish() {
    group_.gather(sum_.data(), slice_ * sizeof(float), values_.data());
}

DividedStep::DividedStep(TrainingNetwork &network, ProcessGroup &group, const BatchDivision &division)
    : network_(network), group_(group), division_(division) {
    if (division_.micro_batches() == 1) return;
    for (const TrainedParameter &parameter : network_.training().parameters) {
        if (parameter.gradient != kNoTensor) share(parameter.gradient, gradients_);
    }
    for (const RunningStatistics &running : network_.training().statistics) {
        for (TensorId tensor : {running.mean, running.variance})
            share(tensor, statistics_);
    }
    size_t elements = 0;
    for (const auto *list : {&gradients_, &statistics_}) {
        for (const Shared &shared : *list)
            elements += shared.elements;
    }
    sum_ = std::make_unique<OrderedSum>(group_, elements);
    network_.stop_within_pass(group_.alone());
}

void DividedStep::share(TensorId tensor, std::vector<Shared> &list) {
    const TensorInfo &info = network_.training().plan.tensors[size_t(tensor)];
    if (info.type != ElementType::Float32) throw Error(info.name + ": micro-batches are for float32 alone");
    size_t elements = 1;
    for (int extent : stored_extents(info))
        elements *= size_t(extent);
    list.push_back({tensor, elements});
}

float *DividedStep::data(const Shared &shared) {
    return static_cast<float *>(network_.executor().memory(shared.tensor).data);
}

std::vector<float> DividedStep::statistics() {
    std::vector<float> values;
    for (const Shared &shared : statistics_)
        values.insert(values.end(), data(shared), data(shared) + shared.elements);
    return values;
}

void DividedStep::set_statistics(const std::vector<float> &values) {
    const float *from = values.data();
    for (const Shared &shared : statistics_) {
        std::copy_n(from, shared.elements, data(shared));
        from += shared.elements;
    }
}

// What a pass left behind: gradients, and by how much running statistics changed: not at all where they are frozen.
void DividedStep::collect(const std::vector<float> &before) {
    float *to = sum_->values();
    for (const Shared &shared : gradients_)
        to = std::copy_n(data(shared), shared.elements, to);
    const std::vector<float> after = statistics();
    for (size_t i = 0; i < after.size(); i++)
        to[i] = after[i] - before[i];
}

void DividedStep::spread(const std::vector<float> &before) {
    const float *sum = sum_->values(), count = float(division_.micro_batches());
    for (const Shared &shared : gradients_) {
        float *to = data(shared);
        for (size_t i = 0; i < shared.elements; i++)
            to[i] = sum[i] / count;
        sum += shared.elements;
    }
    std::vector<float> after = before;
    for (size_t i = 0; i < after.size(); i++)
        after[i] += sum[i] / count;
    set_statistics(after);
}

// Of each of this rank's micro-batches. The network is left behind the forward pass of the first.
std::vector<DividedStep::MaskCounts> DividedStep::count_masks(const StepSettings &settings,
                                                                const std::function<void(int)> &load,
                                                                const std::vector<float> &before) {
    std::vector<MaskCounts> counts(size_t(division_.own_micro_batches()));
    for (int i = division_.own_micro_batches() - 1; i >= 0; i--) {
        set_statistics(before);
        load(i);
        network_.forward(settings);
        counts[size_t(i)] = network_.mask_counts();
    }
    return counts;
}

void DividedStep::tell_others(const MaskCounts &all, const MaskCounts &own) {
    MaskCounts others = all;
    for (size_t b = 0; b < own.size(); b++)
        others[b] -= own[b];
    network_.set_others(others, network_.shape().flat_frames() * (division_.micro_batches() - 1));
}

// Means of losses and ratios; gradients and changed statistics are in the sum.
StepResult DividedStep::run_micro_batches(const StepSettings &settings, const std::function<void(int)> &load,
                                          const std::vector<float> &before) {
    const TrainingPlan &training = network_.training();
    const bool counted = (settings.ratio_weight != 0 && !training.selections.empty()) ||
                         (settings.patch_ratio_weight != 0 && !training.patches.empty());
    std::vector<MaskCounts> counts;
    MaskCounts all;
    if (counted) {
        counts = count_masks(settings, load, before);
        all = MaskCounts(counts.front().size());
        for (const MaskCounts &own : counts) {
            for (size_t b = 0; b < own.size(); b++)
                all[b] += own[b];
        }
        all = group_.sums(all);
    }
    StepResult whole;
    std::vector<double> means; // cross-entropy, ratios' errors, realised ratios
    for (int i = 0; i < division_.own_micro_batches(); i++) {
        if (!counted || i > 0) {
            set_statistics(before);
            load(i);
            network_.forward(settings);
        }
        if (counted) tell_others(all, counts[size_t(i)]);
        const StepResult part = network_.backward(settings);
        whole.predictions.insert(whole.predictions.end(), part.predictions.begin(), part.predictions.end());
        std::vector<double> own = {part.cross_entropy, part.ratio_error, part.patch_ratio_error};
        own.insert(own.end(), part.realised_ratios.begin(), part.realised_ratios.end());
        own.insert(own.end(), part.realised_patch_ratios.begin(), part.realised_patch_ratios.end());
        means.resize(own.size());
        const std::vector<double> parts = group_.gathered(own);
        for (size_t n = 0; n < parts.size(); n++)
            means[n % own.size()] += parts[n] / division_.micro_batches();
        collect(before);
        sum_->add();
    }
    whole.cross_entropy = means[0];
    whole.ratio_error = means[1];
    whole.patch_ratio_error = means[2];
    const auto patches = means.begin() + 3 + long(training.selections.size());
    whole.realised_ratios.assign(means.begin() + 3, patches);
    whole.realised_patch_ratios.assign(patches, means.end());
    whole.loss = loss_of(whole, settings);
    return whole;
}

StepResult DividedStep::run(const StepSettings &settings, const std::function<void(int)> &load) {
    if (division_.micro_batches() == 1) {
        load(0);
        return network_.step(settings);
    }
    const std::vector<float> before = statistics();
    sum_->begin();
    StepResult whole;
    try {
        whole = run_micro_batches(settings, load, before);
    } catch (...) {
        set_statistics(before);
        throw;
    }
    sum_->finish();
    spread(before);
    whole.gradient_norm = network_.gradient_norm();
    whole.finite = std::isfinite(whole.loss) && std::isfinite(whole.gradient_norm);
    if (whole.finite) {
        network_.update(settings, whole.gradient_norm);
    } else {
        set_statistics(before);
    }
    return whole;
}

} // namespace afnet
