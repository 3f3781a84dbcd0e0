#include "tests/model/sparse_run.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numeric>

#include "model/patch_navigation.h"
#include "runtime/text.h"
#include "tests/frame_memory.h"
#include "tests/kernel_targets.h"
#include "tests/model/network_run.h"

namespace afnet {

namespace {

constexpr double kStep = 1.0 / (1 << 28);
constexpr size_t kMoved = 997;

StepSettings without_ratios() {
    StepSettings settings;
    settings.ratio_weight = settings.patch_ratio_weight = 0;
    return settings;
}

std::vector<double> noise(uint64_t seed, size_t block, size_t numbers) {
    std::vector<double> uniform(numbers);
    for (size_t i = 0; i < uniform.size(); i++)
        uniform[i] = recipe_uniform(seed, block, i);
    return uniform;
}

} // namespace

int none(size_t, size_t) {
    return 0;
}
int all(size_t, size_t) {
    return 1;
}
int some(size_t block, size_t frame) {
    return (frame + block) % 3 != 0;
}

ModelDescription description_of(const SparseRun &run) {
    const bool basic = run.model.rfind("small_basic", 0) == 0;
    ModelDescription description =
        basic ? small_basic_af_resnet(ends_with(run.model, "_tsm")) : shipped_model(run.model);
    description.classes = 5;
    description.frames = 3;
    if (!run.space.empty()) {
        set_choice(description, "masks", run.space);
        description.grid = run.grid;
    }
    if (run.shared) set_choice(description, "temporal_masks", "shared");
    return description;
}

RunShape shape_of(const SparseRun &run) {
    RunShape shape;
    shape.dtype = run.dtype;
    shape.frames = 3;
    shape.clips = run.clips;
    shape.width = shape.height = 32;
    shape.unselected = run.unselected;
    shape.forced_masks = run.masks != nullptr;
    shape.forced_grid = run.space.empty() || !run.patches ? 0 : run.grid;
    return shape;
}

std::vector<int> mask_of(const SparseRun &run, size_t block) {
    std::vector<int> mask(size_t(3 * run.clips));
    for (size_t f = 0; f < mask.size(); f++)
        mask[f] = run.masks(block, f);
    return mask;
}

std::vector<int> patches_of(const SparseRun &run, size_t block) {
    std::vector<int> mask;
    for (size_t f = 0; f < size_t(3 * run.clips); f++)
        for (int row = 0; row < run.grid; row++)
            for (int column = 0; column < run.grid; column++)
                mask.push_back(run.patches(block, f, column, row));
    return mask;
}

void set_frames(const SparseRun &run, const std::function<void(int, const float *)> &set) {
    for (int f = 0; f < 3 * run.clips; f++) {
        const Tensor4 frame = random_frames(3, 32, 32, 1, "video", uint64_t(f) + 1);
        const std::vector<float> pixels(frame.data.begin(), frame.data.end());
        set(f, pixels.data());
    }
}

SparselyTrained::SparselyTrained(const SparseRun &run)
    : kernels(AFNET_TRAINING_KERNELS, target_named("x86-64-avx2")),
      network(
          description_of(run), shape_of(run), run.choices, [](const ParameterInfo &) { return UpdateRule(); },
          kernels) {
    set_frames(run, [&](int f, const float *pixels) { network.set_frame(f, pixels); });
    for (int n = 0; n < run.clips; n++)
        network.set_label(n, n);
    select(run);
}

void SparselyTrained::select(const SparseRun &run) {
    const size_t frames = size_t(3 * run.clips), patches = size_t(run.grid * run.grid);
    for (size_t b = 0; b < network.training().selections.size(); b++) {
        if (run.masks) {
            network.force_mask(b, mask_of(run, b));
        } else {
            network.set_noise(b, noise(7, b, 2 * frames));
        }
    }
    for (size_t b = 0; b < network.training().patches.size(); b++) {
        if (run.patches) {
            network.force_patches(b, patches_of(run, b));
        } else {
            network.set_patch_noise(b, noise(8, b, 2 * patches * frames));
        }
    }
}

StepResult SparselyTrained::pass(const Executor::Observer &observer) {
    network.load(recipe_weights(4));
    return network.pass(without_ratios(), observer);
}

const TrainedParameter &SparselyTrained::parameter(const std::string &key) {
    for (const TrainedParameter &p : network.training().parameters) {
        if (p.info.key == key) return p;
    }
    throw Error("no parameter " + key);
}

bool is_gate(const std::string &key) {
    return is_navigation(key);
}

bool in_branch(const std::string &key) {
    return key.find("refine") != std::string::npos && key.find("downsample") == std::string::npos &&
           key.find("res_connect") == std::string::npos && !is_navigation(key);
}

void check_differences(const SparseRun &run) {
    SparselyTrained trained(run);
    trained.pass();
    // -1, 0 or 1, by parameter and element.
    std::map<TensorId, std::vector<int>> direction;
    double predicted = 0;
    size_t seen = 0;
    for (const TrainedParameter &parameter : trained.network.training().parameters) {
        if (is_gate(parameter.info.key)) continue; // decides nothing here
        std::vector<int> &signs = direction[parameter.value];
        for (double g : trained.network.numbers(parameter.gradient)) {
            signs.push_back(seen++ % kMoved == 0 ? (g > 0) - (g < 0) : 0);
            predicted += 2 * kStep * g * signs.back();
        }
    }
    const auto loss = [&](int steps) {
        trained.network.load(recipe_weights(4));
        for (const auto &[id, signs] : direction) {
            double *values = static_cast<double *>(trained.network.executor().memory(id).data);
            for (size_t i = 0; i < signs.size(); i++)
                values[i] += steps * kStep * signs[i];
        }
        return trained.network.pass(without_ratios()).loss;
    };
    const double difference = loss(1) - loss(-1);
    REQUIRE(std::abs(difference) > 1e-10);
    CHECK(predicted == Approx(difference).epsilon(2e-3));
}

void check_equals_masked(SparseRun run) {
    SparselyTrained sparse(run);
    run.unselected = Unselected::Masked;
    SparselyTrained masked(run);
    const StepResult result = masked.pass();
    CHECK(sparse.pass().loss == Approx(result.loss).epsilon(1e-12));
    for (const TrainedParameter &parameter : sparse.network.training().parameters) {
        if (is_gate(parameter.info.key)) continue;
        INFO(parameter.info.key);
        const std::vector<double> a = sparse.network.gradient(parameter);
        const std::vector<double> b = masked.network.gradient(masked.parameter(parameter.info.key));
        CHECK(distance(a, b) <= 1e-10 * norm(b) + 1e-12 * result.gradient_norm);
    }
    const auto state = masked.network.state_dict();
    for (const auto &[key, values] : sparse.network.state_dict()) {
        INFO(key);
        CHECK(largest_difference(values, state.at(key)) <= 1e-6);
    }
}

double norm(const std::vector<double> &values) {
    return std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
}

double distance(const std::vector<double> &a, const std::vector<double> &b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
}

double largest_difference(const std::vector<float> &a, const std::vector<float> &b) {
    double worst = 0;
    for (size_t i = 0; i < a.size(); i++) {
        worst = std::max(worst, std::abs(double(a[i]) - b[i]) / (std::abs(double(b[i])) + 1e-3));
    }
    return worst;
}

} // namespace afnet
