// How parameters are updated: which algorithm, and with which rate and weight decay.
#pragma once

#include <functional>
#include <string>

#include "model/description.h"
#include "model/training_builder.h"

namespace afnet {

enum class Algorithm {
    Sgd,    // momentum, PyTorch's: m <- mu m + (g + decay p), p <- p - rate m
    Adam,   // decay added to the gradient
    AdamW,  // decay apart from the gradient (Loshchilov and Hutter)
};

/// "sgd", "adam" or "adamw". Throws UsageError for another name.
Algorithm algorithm_named(const std::string &name);
std::string algorithm_name(Algorithm algorithm);

struct UpdateRule {
    Algorithm algorithm = Algorithm::Sgd;
    double rate_factor = 1;   // times the run's rate, or times `rate`
    double decay_factor = 1;  // times the run's weight decay
    double rate = 0;          // a rate of its own, with the schedule of the gates; 0: the run's
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

using UpdateRules = std::function<UpdateRule(const ParameterInfo &)>;

/// The authors' groups (AFNET_SPEC §5.3): navigation learns ten times as quickly, the classifier's weights five and its
/// bias ten times; BatchNorm's scale and offset, and that bias, do not decay.
UpdateRule authors_rule(const ModelDescription &description, const ParameterInfo &parameter);

/// One parameter's update in a plan.
struct ParameterUpdate {
    size_t parameter = 0;  // index in TrainingPlan::parameters
    UpdateRule rule;
    TensorId norm = kNoTensor;  // double [1]: the gradient's squared norm
    size_t step = 0;            // that updates it
    TensorId first = kNoTensor, second = kNoTensor;  // momentum; Adam's moments
};

/// Adds to a plan the gradients' norms, steps [backward_end, norms_end), and the updates behind them. Their scalars are
/// set for each run: `rate`, `decay`, `momentum`, `nesterov`, `scale` and `step`.
struct UpdatePlan {
    std::vector<ParameterUpdate> updates;
    size_t norms_end = 0;
};
UpdatePlan add_updates(TrainingPlan &plan, const UpdateRules &rules, Dtype dtype);

}  // namespace afnet
