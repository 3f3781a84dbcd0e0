// Whole networks in sparse training with masks in space: against central differences, each focal block's forward and
// backward pass against plain loops, against masked training where everything is selected, and against the network that
// infers.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/network.h"
#include "runtime/halide_host.h"
#include "tests/frame_memory.h"
#include "tests/kernel_targets.h"
#include "tests/model/sparse_run.h"
#include "tests/reference/operators.h"
#include "tests/reference/pooling_gradients.h"
#include "tests/reference/tile_training.h"

using namespace afnet;
using reference::NormalizedConvolution;

namespace {

int nothing(size_t, size_t, int, int) {
    return 0;
}
int everything(size_t, size_t, int, int) {
    return 1;
}
int checkerboard(size_t block, size_t frame, int column, int row) {
    return (block + frame + size_t(column) + size_t(row)) % 2 == 0;
}
int one_patch(size_t, size_t frame, int column, int row) {
    return frame == 1 && column == 1 && row == 0;
}

struct Kind {
    const char *model, *space;
    int grid; // of maps of 8, 4 and 2 pixels: 2 has tiles of 4, 2 and 1 of them, 3 divides none, 4 is finer than the
              // last
    bool shared = false; // one temporal mask
};

const std::vector<Kind> kKinds = {{"af_tiny_tsm", "spatial", 2},
                                  {"af_tiny_tsm", "both", 3},
                                  {"af_tiny", "both", 4},
                                  {"af_tiny_tsm", "both", 2, true}};

SparseRun run_of(const Kind &kind, const PatchChoice &patches) {
    SparseRun run;
    run.model = kind.model;
    run.space = kind.space;
    run.grid = kind.grid;
    run.shared = kind.shared;
    run.patches = patches;
    return run;
}

std::string text_of(const Kind &kind) {
    return std::string(kind.model) + ", masks " + kind.space + ", grid " + std::to_string(kind.grid) +
           (kind.shared ? ", one temporal mask" : "");
}

// What a tensor of the network holds now.
Tensor4 values_of(SparselyTrained &trained, TensorId id) {
    const std::vector<int> &e = trained.network.training().plan.tensors[size_t(id)].extents;
    Tensor4 result(e[0], e[1], e[2], e[3]);
    result.data = trained.network.numbers(id);
    return result;
}

TensorId argument_of(const Step &step, const char *name) {
    for (const Argument &argument : step.arguments) {
        if (argument.name == name) return argument.tensor;
    }
    throw Error(step.label + " has no argument " + name);
}

// A focal block in the middle of a pass.
struct ObservedBlock {
    Tensor4 input, state, output; // of the forward pass; output: behind the activation
    Tensor4 d_sum, d_input;       // before the activation; the input's, with this branch's part
    bool adds = false;            // the shortcut's part is in it too
};

std::map<std::string, ObservedBlock> observe(SparselyTrained &trained) {
    std::map<std::string, ObservedBlock> blocks;
    trained.pass([&](const StepReport &report) {
        const Step &step = *report.step;
        const std::string block = step.label.substr(0, step.label.find(".conv"));
        const auto read = [&](const char *name) { return values_of(trained, argument_of(step, name)); };
        if (step.kernel.generator == "gather_tiles") blocks[block].input = read("input");
        // The forward pass stores what is not selected after what is.
        if (step.kernel.generator == "scatter_tiles") {
            blocks[block].state = read("state");
            blocks[block].output = read("output");
        }
        if (step.kernel.generator == "scatter_tiles_grad") blocks[block].d_sum = read("d_sum");
        if (step.kernel.generator == "gather_tiles_grad") {
            blocks[block].d_input = read("d_input");
            blocks[block].adds = step.kernel.params.at("accumulate") == "true";
        }
    });
    return blocks;
}

std::vector<double> parameter_of(SparselyTrained &trained, const std::string &key) {
    return trained.network.numbers(trained.parameter(key).value);
}

std::vector<NormalizedConvolution> layers_of(SparselyTrained &trained, const std::string &block) {
    std::vector<NormalizedConvolution> layers;
    for (const char *number : {"1", "2", "3"}) {
        const std::string conv = block + ".conv" + number + ".weight", norm = block + ".bn" + number;
        const std::vector<int64_t> shape = trained.parameter(conv).info.shape; // [co][ci / g][v][u]
        NormalizedConvolution layer;
        layer.weights = Tensor4(int(shape[0]), int(shape[1]), int(shape[2]), int(shape[3]));
        layer.weights.data = parameter_of(trained, conv);
        layer.gamma = parameter_of(trained, norm + ".weight");
        layer.beta = parameter_of(trained, norm + ".bias");
        layer.shape = {int(shape[0]), int(shape[2]), 1, int(shape[2] - 1) / 2, 2};
        layer.activation = number == std::string("3") ? "linear" : "relu";
        layers.push_back(std::move(layer));
    }
    return layers;
}

// Of a tensor's largest magnitude.
double error_of(const std::vector<double> &actual, const std::vector<double> &expected) {
    if (actual.size() != expected.size()) return INFINITY;
    double worst = 0, largest = 1e-12;
    for (size_t i = 0; i < expected.size(); i++) {
        if (!std::isfinite(actual[i])) return INFINITY;
        worst = std::max(worst, std::abs(actual[i] - expected[i]));
        largest = std::max(largest, std::abs(expected[i]));
    }
    return worst / largest;
}

constexpr double kTolerance =
    1e-8; // what a float's rounding of the statistics' epsilon and sums in another order leave

void check_block(SparselyTrained &trained, const SparseRun &run, size_t number, const ObservedBlock &block,
                 const std::string &key) {
    INFO(key);
    const reference::SpatialMask patches{run.grid, run.grid, block.input.f, patches_of(run, number)};
    const std::vector<int> chosen = mask_of(run, run.shared ? 0 : number);
    const std::vector<double> frames(chosen.begin(), chosen.end());
    const bool timed = !trained.network.training().selections.empty();
    const reference::TileList pixels =
        reference::tile_list(patches, timed ? &frames : nullptr, block.input.x, block.input.y, 1);
    if (pixels.selected == 0) return; // there are other tests of this
    const bool shifts = trained.network.description().shift;
    const std::vector<NormalizedConvolution> layers = layers_of(trained, key);
    const Tensor4 read = shifts ? reference::temporal_shift(block.input, 3) : block.input;
    const std::vector<reference::BranchLayer> states = reference::sparse_branch(read, layers, pixels);
    Tensor4 output = reference::add(block.state, states.back().output);
    const bool activated =
        std::none_of(block.output.data.begin(), block.output.data.end(), [](double v) { return v < 0; });
    if (activated) output = reference::relu(output);
    CHECK(error_of(block.output.data, output.data) <= kTolerance);
    for (size_t i = 0; i < layers.size(); i++) {
        const std::string norm = key + ".bn" + std::to_string(i + 1);
        const auto running = [&](const char *name) {
            for (const RunningStatistics &s : trained.network.training().statistics)
                if (s.norm == norm) return trained.network.numbers(name == std::string("mean") ? s.mean : s.variance);
            throw Error("no statistics of " + norm);
        };
        const ParameterInfo mean{norm + ".running_mean", {int64_t(layers[i].gamma.size())}};
        const ParameterInfo variance{norm + ".running_var", mean.shape};
        const auto before = [](const ParameterInfo &info) {
            const std::vector<float> values = recipe_weights(4)(info);
            return std::vector<double>(values.begin(), values.end());
        };
        const reference::Moments moved_on =
            reference::running_moments({before(mean), before(variance)}, states[i].moments, 0.1, pixels.selected);
        CHECK(error_of(running("mean"), moved_on.mean) <= kTolerance);
        CHECK(error_of(running("variance"), moved_on.variance) <= kTolerance);
    }
    const reference::BranchGradients expected = reference::sparse_branch_gradients(states, layers, pixels, block.d_sum);
    for (size_t i = 0; i < layers.size(); i++) {
        const std::string place = std::to_string(i + 1);
        INFO("layer " << place);
        const auto ours = [&](const std::string &name) {
            return trained.network.numbers(trained.parameter(key + name).gradient);
        };
        CHECK(error_of(ours(".conv" + place + ".weight"), expected.weights[i].data) <= kTolerance);
        CHECK(error_of(ours(".bn" + place + ".weight"), expected.gamma[i]) <= kTolerance);
        CHECK(error_of(ours(".bn" + place + ".bias"), expected.beta[i]) <= kTolerance);
    }
    Tensor4 d_input = shifts ? reference::temporal_shift_gradient(expected.input, 3) : expected.input;
    if (block.adds) d_input = reference::add(d_input, block.d_sum); // the shortcut's
    CHECK(error_of(block.d_input.data, d_input.data) <= kTolerance);
}

} // namespace

TEST_CASE("gradients of sparse training with masks in space are central differences", "[tile_network]") {
    for (const Kind &kind : kKinds) {
        for (const PatchChoice &patches : {PatchChoice(checkerboard), PatchChoice(nothing)}) {
            INFO(text_of(kind) << (patches(0, 0, 0, 0) ? ", checkerboard" : ", nothing"));
            check_differences(run_of(kind, patches));
        }
    }
}

TEST_CASE("a focal block computes selected pixels forward and backward as plain loops do", "[tile_network]") {
    for (const Kind &kind : kKinds) {
        for (const auto &[name, patches] : std::vector<std::pair<const char *, PatchChoice>>{
                 {"checkerboard", checkerboard}, {"one patch", one_patch}, {"everything", everything}}) {
            INFO(text_of(kind) << ", " << name);
            const SparseRun run = run_of(kind, patches);
            SparselyTrained trained(run);
            const auto blocks = observe(trained);
            const auto &all = trained.network.training().patches;
            REQUIRE(blocks.size() == all.size());
            for (size_t b = 0; b < all.size(); b++)
                check_block(trained, run, b, blocks.at(all[b].selection.name), all[b].selection.name);
        }
    }
}

TEST_CASE("with all patches selected sparse training is masked training", "[tile_network]") {
    for (const Kind &kind : kKinds) {
        INFO(text_of(kind));
        SparseRun run = run_of(kind, everything);
        run.masks = all;
        check_equals_masked(run);
    }
}

TEST_CASE("where no patch is selected a branch has no gradient and keeps its statistics", "[tile_network]") {
    for (const Kind &kind : kKinds) {
        INFO(text_of(kind));
        SparseRun run = run_of(kind, everything);
        SparselyTrained trained(run);
        trained.pass(); // leaves gradients behind
        run.patches = nothing;
        trained.select(run);
        const StepResult result = trained.pass();
        CHECK(result.finite);
        for (const TrainedParameter &parameter : trained.network.training().parameters) {
            if (is_gate(parameter.info.key)) continue;
            INFO(parameter.info.key);
            CHECK((norm(trained.network.gradient(parameter)) == 0) == in_branch(parameter.info.key));
        }
        for (const auto &[key, values] : trained.network.state_dict()) {
            if (key.find("running_") == std::string::npos) continue;
            INFO(key);
            CHECK((values == recipe_weights(4)({key, {int64_t(values.size())}})) == in_branch(key));
        }
    }
}

TEST_CASE("sparse training with running statistics computes what skipping patches infers", "[tile_network]") {
    for (const Kind &kind : kKinds) {
        for (const PatchChoice &patches : {PatchChoice(checkerboard), PatchChoice(one_patch), PatchChoice(nothing)}) {
            INFO(text_of(kind) << ", " << patches(0, 0, 0, 0) << patches(0, 1, 1, 0));
            SparseRun run = run_of(kind, patches);
            run.choices.frozen_norm = [](const std::string &) { return true; };
            SparselyTrained trained(run);
            trained.pass();
            const auto logits = trained.network.numbers(trained.network.training().clip_logits);
            run.dtype = Dtype::F32;
            RunShape shape = shape_of(run);
            shape.forced_grid = run.grid;
            KernelStore kernels(AFNET_KERNEL_DIR, target_named("x86-64-avx2"));
            Network network(description_of(run), shape, kernels, recipe_weights(4));
            set_frames(run, [&](int f, const float *pixels) { network.set_frame(f, pixels); });
            for (size_t b = 0; b < network.lowered().selections.size(); b++)
                network.force_mask(b, mask_of(run, b));
            for (size_t b = 0; b < network.lowered().patches.size(); b++)
                network.force_patches(b, patches_of(run, b));
            network.run();
            for (int n = 0; n < run.clips; n++) {
                const std::vector<float> expected = network.clip_logits(n);
                for (size_t k = 0; k < expected.size(); k++)
                    CHECK(logits[size_t(n) * 5 + k] == Approx(expected[k]).epsilon(1e-4).margin(1e-5));
            }
        }
    }
}

namespace {

// Which masks come from outside, and not from a navigation.
enum class Given { Nothing, Patches, Frames };

void check_worth(const Kind &kind, Given given) {
    INFO(text_of(kind) << ", given " << int(given));
    SparseRun run = run_of(kind, nullptr);
    run.masks = nullptr;
    if (given == Given::Patches) run.patches = checkerboard;
    if (given == Given::Frames) run.masks = some;
    SparselyTrained trained(run);
    const TrainingPlan &training = trained.network.training();
    // By block, as the step leaves them before the ratio's part.
    std::map<std::string, std::vector<double>> patches, frames;
    double of_temporal_masks = 0, of_blocks = 0; // the temporal masks' gradients when all parts are in them
    trained.pass([&](const StepReport &report) {
        if (report.step->kernel.generator == "ratio_loss")
            for (double gradient : trained.network.numbers(argument_of(*report.step, "d_mask")))
                of_temporal_masks += gradient;
        if (report.step->kernel.generator != "patch_selection_grad") return;
        const std::string block = report.step->label.substr(0, report.step->label.find(".conv"));
        patches[block] = trained.network.numbers(argument_of(*report.step, "d_patches"));
        frames[block] = trained.network.numbers(argument_of(*report.step, "d_frames"));
    });
    REQUIRE(patches.size() == training.patches.size());
    size_t selected = 0, rejected = 0;
    for (size_t b = 0; b < training.patches.size(); b++) {
        const std::string &block = training.patches[b].selection.name;
        INFO(block);
        const std::vector<double> mask = trained.network.numbers(training.patches[b].selection.deciding_mask());
        std::vector<double> chosen(size_t(3 * run.clips), 1);
        if (!training.selections.empty())
            chosen = trained.network.numbers(training.selections[kind.shared ? 0 : b].deciding_mask());
        const size_t each = mask.size() / chosen.size();
        double sum = 0, of_frames = 0, expected = 0;
        for (size_t p = 0; p < mask.size(); p++) {
            const double gradient = patches.at(block)[p];
            sum += gradient;
            if (mask[p] * chosen[p / each] == 0) CHECK(gradient == 0);
            (mask[p] * chosen[p / each] == 0 ? rejected : selected)++;
        }
        for (double gradient : frames.at(block))
            of_frames += gradient;
        // The branch ends in gamma xhat + beta, as in [sparse_network].
        for (const char *part : {".bn3.weight", ".bn3.bias"}) {
            const TrainedParameter &parameter = trained.parameter(block + part);
            const std::vector<double> d = trained.network.gradient(parameter);
            const std::vector<double> values = trained.network.numbers(parameter.value);
            for (size_t i = 0; i < d.size(); i++)
                expected += d[i] * values[i];
        }
        CHECK(sum == Approx(expected).epsilon(1e-9).margin(1e-13));
        CHECK(of_frames == Approx(training.selections.empty() ? 0 : sum).epsilon(1e-9).margin(1e-13));
        of_blocks += of_frames;
    }
    // Where frames are given their navigation gets nothing.
    CHECK(of_temporal_masks == Approx(given == Given::Frames ? 0 : of_blocks).epsilon(1e-9).margin(1e-13));
    CHECK(selected > 0);
    CHECK(rejected > 0);
}

} // namespace

TEST_CASE("a patch's gradient is what its branch is worth", "[tile_network]") {
    for (const Kind &kind : kKinds) {
        check_worth(kind, Given::Nothing);
        if (kind.space == std::string("spatial")) continue;
        check_worth(kind, Given::Patches);
        check_worth(kind, Given::Frames);
    }
}

TEST_CASE("a sparse step with masks in space has the same bits with any number of threads", "[tile_network]") {
    SparseRun run = run_of(kKinds[1], nullptr);
    run.dtype = Dtype::F32;
    run.masks = nullptr;
    std::vector<std::map<std::string, std::vector<float>>> states;
    for (int threads : {1, 2, 3}) {
        configure_halide(threads);
        SparselyTrained trained(run);
        trained.network.load(recipe_weights(4));
        for (int step = 0; step < 3; step++)
            trained.network.step({});
        states.push_back(trained.network.state_dict());
    }
    configure_halide(0);
    CHECK(states[1] == states[0]);
    CHECK(states[2] == states[0]);
}
