// One pass of training against a reference-vector case: everything forward, the loss, every parameter's gradient.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "model/recipe.h"
#include "model/reference_case.h"
#include "model/training_network.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr const char *kGradientPrefix = "grad_norm.", *kBufferPrefix = "buffer.";

// tests/golden/README.md. In f32 the step amplifies rounding ten thousand times: only the loss and the gradients'
// median are held to a bound, the rest is listed.
struct TrainingTolerances {
    double tensor, loss, gradient, statistics, median;
    bool lists_only;
};
constexpr TrainingTolerances kF64 = {1e-9, 1e-9, 1e-7, 1e-9, 1e-7, false}, kF32 = {1, 2e-4, 1, 1, 5e-3, true};

// [norm, sum, first, last]
std::vector<double> summary_of(const std::vector<double> &gradient) {
    double squares = 0, sum = 0;
    for (double g : gradient) {
        squares += g * g;
        sum += g;
    }
    return {std::sqrt(squares), sum, gradient.front(), gradient.back()};
}

void fill(TrainingNetwork &network, const ReferenceCase &c) {
    network.load(recipe_weights(c.seed, c.gain));
    const RunShape &shape = network.shape();
    for_each_recipe_frame(shape.clips, shape.frames, shape.height, shape.width, c.seed,
                          [&](int f, const float *pixels) { network.set_frame(f, pixels); });
    for (int n = 0; n < shape.clips; n++) network.set_label(n, c.labels[size_t(n)]);
    for (size_t k = 0; k < network.training().selections.size(); k++) {
        const std::vector<float> uniform = recipe_gumbel_uniform(int(k), size_t(2 * shape.flat_frames()), c.seed);
        network.set_noise(k, std::vector<double>(uniform.begin(), uniform.end()));
    }
}

void put_gates(TrainingNetwork &network, CaseValues &ours) {
    std::vector<double> masks, margins;
    for (const Selection &s : network.training().selections) {
        const std::vector<double> mask = network.numbers(s.mask), logits = network.numbers(s.logits);
        masks.insert(masks.end(), mask.begin(), mask.end());
        for (size_t f = 0; f < mask.size(); f++) margins.push_back(logits[2 * f + 1] - logits[2 * f]);
    }
    ours.put("masks", std::move(masks));
    ours.put("gate_margin", std::move(margins));
}

// All that the case names but `logits` of frames behind a focal block, which observers see.
void put_results(TrainingNetwork &network, const StepResult &result, CaseValues &ours) {
    put_gates(network, ours);
    ours.put("logits", network.numbers(network.training().logits));
    ours.put("clip_logits", network.numbers(network.training().clip_logits));
    ours.put("loss", {result.cross_entropy, result.ratio_error, result.loss});
    for (const TrainedParameter &parameter : network.training().parameters) {
        ours.put(kGradientPrefix + parameter.info.key, summary_of(network.gradient(parameter)));
    }
    for (const RunningStatistics &running : network.training().statistics) {
        ours.put(kBufferPrefix + running.norm + ".running_mean", network.numbers(running.mean));
        ours.put(kBufferPrefix + running.norm + ".running_var", network.numbers(running.variance));
    }
}

// A gradient is compared by norm, sum, first and last element, relative to its norm; one that is exactly zero by theory
// is rounding on either side.
TensorDifference compare_gradient(const SafetensorsTensor &theirs, const std::vector<double> *ours, double largest_norm,
                                  const TrainingTolerances &tolerances) {
    TensorDifference row;
    row.name = theirs.name;
    row.tolerance = tolerances.gradient;
    const std::vector<double> expected = to_doubles(theirs);
    if (!ours || expected.size() != ours->size()) {
        row.remark = "this network has no such gradient";
        return row;
    }
    bool finite = true;
    for (size_t i = 0; i < expected.size(); i++) {
        finite = finite && std::isfinite((*ours)[i]);
        // A sum of n elements may be larger than their norm.
        const double scale = i == 1 ? std::max(std::abs(expected[1]), expected[0]) : expected[0];
        const double difference = std::abs((*ours)[i] - expected[i]);
        row.largest_absolute = std::max(row.largest_absolute, difference);
        row.largest_relative = std::max(row.largest_relative, difference / std::max(scale, 1e-300));
    }
    const bool vanishes = expected[0] <= 1e-9 * largest_norm;
    if (vanishes) row.remark = "zero but for rounding";
    row.passed = finite && (vanishes ? (*ours)[0] <= 1e-6 * largest_norm : row.largest_relative <= row.tolerance);
    return row;
}

// The median over gradients of the relative error of their norms.
TensorDifference median_error(const std::vector<double> &errors, double tolerance) {
    TensorDifference row;
    row.name = "gradient norms, median";
    row.tolerance = tolerance;
    if (errors.empty()) return row;
    std::vector<double> sorted = errors;
    std::sort(sorted.begin(), sorted.end());
    row.largest_absolute = row.largest_relative = sorted[sorted.size() / 2];
    row.passed = row.largest_relative <= tolerance;
    return row;
}

}  // namespace

CaseReport verify_training(const SafetensorsFile &file, const ReferenceCase &c, KernelStore &kernels) {
    const TrainingTolerances &tolerances = c.shape.dtype == Dtype::F64 ? kF64 : kF32;
    TrainingNetwork network(c.description, c.shape, {}, [](const ParameterInfo &) { return UpdateRule(); }, kernels);
    fill(network, c);
    StepSettings settings;
    settings.temperature = c.temperature;
    settings.target_ratio = c.target_ratio;
    settings.ratio_weight = c.ratio_weight;
    CaseValues ours;
    const auto begin = std::chrono::steady_clock::now();
    const StepResult result = network.pass(settings, [&](const StepReport &report) {
        for (const Tap &tap : network.training().plan.taps) {
            if (tap.step != report.index) continue;
            ours.take_module(tap.name, network.training().plan.tensors[size_t(tap.tensor)], network.numbers(tap.tensor));
        }
    });
    const auto end = std::chrono::steady_clock::now();
    put_results(network, result, ours);

    CaseReport report;
    report.model = c.description.name;
    report.milliseconds = std::chrono::duration<double, std::milli>(end - begin).count();
    report.arena_bytes = network.executor().arena_bytes();
    const SafetensorsTensor *margin = file.find("gate_margin");
    const std::vector<double> margins = margin ? to_doubles(*margin) : std::vector<double>();
    double largest_norm = 0;
    for (const SafetensorsTensor &theirs : file.tensors()) {
        if (starts_with(theirs.name, kGradientPrefix)) largest_norm = std::max(largest_norm, to_doubles(theirs)[0]);
    }
    std::vector<double> errors;
    for (const SafetensorsTensor &theirs : file.tensors()) {
        const std::vector<double> *values = ours.find(theirs.name);
        if (starts_with(theirs.name, kGradientPrefix)) {
            report.tensors.push_back(compare_gradient(theirs, values, largest_norm, tolerances));
            const double norm = to_doubles(theirs)[0];
            if (values && norm > 1e-9 * largest_norm) errors.push_back(std::abs((*values)[0] - norm) / norm);
            continue;
        }
        const bool statistic = starts_with(theirs.name, kBufferPrefix);
        const double tolerance = theirs.name == "loss" ? tolerances.loss
                                 : statistic            ? tolerances.statistics
                                                        : tolerances.tensor;
        report.tensors.push_back(compare(theirs, values, margins, {tolerance, tolerance, tolerance}));
        if (tolerances.lists_only && theirs.name == "masks") report.tensors.back().passed = values != nullptr;
    }
    report.tensors.push_back(median_error(errors, tolerances.median));
    return report;
}

}  // namespace afnet
