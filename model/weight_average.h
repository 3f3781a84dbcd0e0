// Exponential moving averages of a network's weights and running statistics in the course of training.
#pragma once

#include <string>
#include <vector>

#include "model/optimizer.h"

namespace afnet {

/// One tensor's average in a plan.
struct WeightAverage {
    TensorId source = kNoTensor, average = kNoTensor; // an Input of the same type and extents, `<key>.average`
    size_t step = 0;                                  // average <- average + (1 - decay) (source - average)
};

/// Adds to a plan, behind its updates, the averages of all parameters that are trained and of all running statistics.
/// Their scalar `decay` is set for each run.
std::vector<WeightAverage> add_averages(TrainingPlan &training, Dtype dtype);

/// What an optimiser keeps from step to step: momentum or moments, and averages.
std::vector<TensorId> optimizer_tensors(const UpdatePlan &updates, const std::vector<WeightAverage> &averages);

/// The decay of the `update`th update, from 1 on: `decay`, and less in the beginning, min(decay, (1 + n) / (10 + n)),
/// so that the first weights, which are random, do not stay in the average.
double average_decay_at(double decay, int64_t update);

} // namespace afnet
