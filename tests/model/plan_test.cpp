// Plans of all shipped models, step by step: kernels that exist, data that is there when it is read, memory that is
// nobody else's.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <set>

#include "model/recipe.h"
#include "runtime/arena.h"
#include "tests/generators/layer.h"
#include "tests/kernel_targets.h"
#include "tests/model/network_run.h"

using namespace afnet;

namespace {

std::vector<RunShape> run_shapes() {
    RunShape plain, skipped, single, odd, dense;
    skipped.unselected = Unselected::Skipped;
    skipped.gumbel_noise = true;
    single.frames = 1;
    single.width = single.height = 32;
    odd.frames = 5;
    odd.clips = 3;
    odd.width = 101;
    odd.height = 67;
    odd.forced_masks = true;
    dense.frames = 3;
    dense.without_masks = true;
    std::vector<RunShape> shapes = {plain, skipped, single, odd, dense};
    for (size_t i = 0; i < 5; i++) {
        shapes.push_back(shapes[i]);
        shapes.back().dtype = Dtype::BF16;
    }
    // Masks in space: tiles of either side, both meanings of "unselected", a grid that divides nothing.
    RunShape masked, few = skipped;
    masked.forced_masks = true;
    masked.forced_grid = 7;
    few.forced_grid = 11;
    few.frames = 2;
    few.width = 67;
    few.height = 101;
    shapes.push_back(masked);
    shapes.push_back(few);
    return shapes;
}

// Calls check(plan) for the plans of a model in `dtypes`: the network's and those of its F(0).
template <class Check>
void for_each_plan(const ModelDescription &model, const std::vector<Dtype> &dtypes, Check check) {
    for (const RunShape &shape : run_shapes()) {
        if (std::count(dtypes.begin(), dtypes.end(), shape.dtype) == 0) continue;
        if (shape.forced_grid > 0 && !model.patches_possible()) continue;
        INFO(model.name << ", " << shape.clips << " clips of " << shape.frames << " frames of " << shape.width << "x"
                        << shape.height << ", " << dtype_name(shape.dtype));
        const LoweredNetwork network = lower(model, shape);
        check(network.plan);
        for (const ZeroResponse &response : network.zero_responses) check(response.plan);
    }
}

bool in_arena(const TensorInfo &tensor) {
    return tensor.storage == Storage::Arena || tensor.storage == Storage::Kept;
}

const Argument *argument_named(const Step &step, const std::string &name) {
    for (const Argument &argument : step.arguments) {
        if (argument.name == name) return &argument;
    }
    return nullptr;
}

// Arguments that a kernel has for its signature's sake.
bool ignored(const KernelSpec &kernel, const std::string &argument) {
    const auto off = [&](const char *param) {
        const auto found = kernel.params.find(param);
        return found == kernel.params.end() || found->second == "false";
    };
    const bool finishes = kernel.params.count("response") > 0;
    return (argument == "residual" && kernel.generator != "fill_unselected" && off("add_residual") && !finishes) ||
           (argument == "mask" && kernel.generator == "conv2d" && !finishes) ||
           (argument == "sources" && off("gather") && off("scatter") && off("shift") &&
            kernel.generator != "fill_unselected") ||
           (argument == "coarse" && off("upsample"));
}

// What has been written of each tensor so far.
class Writes {
public:
    explicit Writes(const Plan &plan) : all_(plan.tensors.size()), some_(plan.tensors.size(), kNoTensor) {
        for (size_t i = 0; i < plan.tensors.size(); i++) all_[i] = !in_arena(plan.tensors[i]);
    }

    // `count`: which list's count says how many frames, where only those are read.
    bool covers(TensorId id, Frames frames, TensorId count) const {
        return all_[size_t(id)] || (frames == Frames::Selected && some_[size_t(id)] == count);
    }
    void add(TensorId id, Frames frames, TensorId count) {
        if (frames == Frames::Selected) some_[size_t(id)] = count;
        else all_[size_t(id)] = true;
    }

private:
    std::vector<bool> all_;
    std::vector<TensorId> some_;
};

void check_order(const Plan &plan, KernelStore &kernels, const std::string &model) {
    Writes writes(plan);
    for (const Step &step : plan.steps) {
        const halide_filter_metadata_t &metadata = *kernels.kernel(step.kernel, model).metadata;
        if (step.count != kNoTensor) CHECK(writes.covers(step.count, Frames::All, kNoTensor));
        std::vector<const Argument *> outputs;
        for (int a = 0; a < metadata.num_arguments; a++) {
            const halide_filter_argument_t &wanted = metadata.arguments[a];
            if (wanted.kind == halide_argument_kind_input_scalar) continue;
            const Argument *given = argument_named(step, wanted.name);
            INFO(step.label << ", argument " << wanted.name);
            REQUIRE(given != nullptr);
            const TensorInfo &tensor = plan.tensors[size_t(given->tensor)];
            CHECK((given->frames != Frames::WithZeroFrame || tensor.zero_frame));
            if (wanted.kind == halide_argument_kind_output_buffer) {
                CHECK(tensor.storage != Storage::Constant);
                outputs.push_back(given);
            } else if (!ignored(step.kernel, wanted.name)) {
                CHECK(writes.covers(given->tensor, given->frames, step.count));
            }
        }
        for (const Argument *output : outputs) {
            INFO(step.label << ", argument " << output->name);
            // The frames that a list names are a part of what is there already.
            const bool listed = step.kernel.generator == "fill_unselected" ||
                                (step.kernel.params.count("scatter") == 1 && spec_flag(step.kernel, "scatter"));
            if (listed) CHECK(writes.covers(output->tensor, Frames::All, kNoTensor));
            writes.add(output->tensor, output->frames, step.count);
        }
    }
    for (size_t i = 0; i < plan.tensors.size(); i++) {
        INFO("result " << plan.tensors[i].name);
        if (plan.tensors[i].storage == Storage::Kept) CHECK(writes.covers(TensorId(i), Frames::All, kNoTensor));
    }
}

struct Life {
    size_t first = std::numeric_limits<size_t>::max(), last = 0;
};

std::vector<Life> lives_of(const Plan &plan) {
    std::vector<Life> lives(plan.tensors.size());
    for (size_t s = 0; s < plan.steps.size(); s++) {
        std::vector<TensorId> used = {plan.steps[s].count};
        for (const Argument &argument : plan.steps[s].arguments) used.push_back(argument.tensor);
        for (const TensorId id : used) {
            if (id == kNoTensor) continue;
            lives[size_t(id)].first = std::min(lives[size_t(id)].first, s);
            lives[size_t(id)].last = std::max(lives[size_t(id)].last, s);
        }
    }
    for (size_t i = 0; i < lives.size(); i++) {
        if (plan.tensors[i].storage == Storage::Kept) lives[i].last = plan.steps.size();
    }
    return lives;
}

// Tensors that lie over each other must live at different times, and have their zeroes in the same places.
void check_arena(const Plan &plan) {
    const ArenaLayout layout = plan_arena(plan);
    const std::vector<Life> lives = lives_of(plan);
    std::vector<std::string> breaches;
    const auto has_zeroes = [](const TensorInfo &t) { return t.border > 0 || t.zero_frame; };
    for (size_t i = 0; i < plan.tensors.size(); i++) {
        const TensorInfo &a = plan.tensors[i];
        if (!in_arena(a)) continue;
        const size_t begin = layout.offsets[i], end = begin + stored_bytes(a);
        if (begin % kAlignment != 0 || end > layout.bytes) breaches.push_back(a.name + " is misplaced");
        for (size_t j = 0; j < i; j++) {
            const TensorInfo &b = plan.tensors[j];
            if (!in_arena(b) || layout.offsets[j] >= end || begin >= layout.offsets[j] + stored_bytes(b)) continue;
            const bool together = lives[i].first <= lives[j].last && lives[j].first <= lives[i].last;
            const bool zeroes_differ = (has_zeroes(a) || has_zeroes(b)) &&
                                       (stored_extents(a) != stored_extents(b) || a.border != b.border ||
                                        a.zero_frame != b.zero_frame || layout.offsets[j] != begin);
            if (together || zeroes_differ) breaches.push_back(a.name + " lies over " + b.name);
        }
    }
    CHECK(breaches == std::vector<std::string>());
    for (const Tap &tap : plan.taps) {
        const Life &life = lives[size_t(tap.tensor)];
        INFO("tap " << tap.name);
        CHECK((life.first <= tap.step && tap.step <= life.last));
    }
}

// A plan of no sense whose tensors of a few shapes, with and without zeroes, live for a step or for many.
Plan random_plan(uint64_t seed) {
    uint64_t drawn = 0;
    const auto draw = [&](int below) { return int(recipe_uniform(fnv1a64("plan"), seed, drawn++) * below); };
    Plan plan;
    for (int i = 0; i < 12; i++) {
        TensorInfo info;
        info.name = "tensor " + std::to_string(i);
        info.extents = {4 + 12 * draw(2), 1 + draw(3), 3, 2};
        info.border = draw(2);
        info.zero_frame = draw(3) == 0;
        info.storage = draw(6) == 0 ? Storage::Kept : Storage::Arena;
        plan.add(info);
    }
    for (int s = 0; s < 12; s++) {
        Step step;
        step.label = "step " + std::to_string(s);
        for (int a = 0; a < 3; a++) step.arguments.push_back({"argument", TensorId(draw(12))});
        plan.steps.push_back(step);
    }
    return plan;
}

// Every stored element outside the tensor itself.
bool surroundings_are_zero(const TensorInfo &tensor, std::vector<float> stored) {
    TensorInfo layout = tensor;
    layout.type = ElementType::Float32;
    write_frames(layout, stored.data(),
                 Tensor4(tensor.extents[0], tensor.extents[1], tensor.extents[2], tensor.extents[3]));
    return std::all_of(stored.begin(), stored.end(), [](float v) { return v == 0; });
}

}  // namespace

TEST_CASE("every step of every shipped model has its kernel in the model's library", "[plan]") {
    for (const Dtype dtype : runnable_dtypes()) {
        for (const Target &target : runnable_targets(dtype)) {
            KernelStore store(AFNET_KERNEL_DIR, target);
            for (const ModelDescription &model : shipped_models()) {
                std::set<std::string> compiled;
                for (const Manifest &manifest : store.manifests()) {
                    if (manifest.model != model.name) continue;
                    for (const KernelEntry &entry : manifest.kernels)
                        compiled.insert(entry.symbol);
                }
                for_each_plan(model, {dtype}, [&](const Plan &plan) {
                    for (const Step &step : plan.steps) {
                        INFO(step.label << " wants " << step.kernel.name() << " for " << target.name);
                        CHECK(compiled.count(step.kernel.name()) == 1);
                    }
                });
            }
        }
    }
}

TEST_CASE("every tensor of every shipped model is written before it is read", "[plan]") {
    for (const Dtype dtype : runnable_dtypes()) {
        KernelStore kernels(AFNET_KERNEL_DIR, runnable_targets(dtype).back());
        for (const ModelDescription &model : shipped_models()) {
            for_each_plan(model, {dtype}, [&](const Plan &plan) { check_order(plan, kernels, model.name); });
        }
    }
}

TEST_CASE("tensors of one time never share memory", "[plan]") {
    for (const ModelDescription &model : shipped_models())
        for_each_plan(model, {Dtype::F32, Dtype::BF16}, check_arena);
    for (uint64_t seed = 0; seed < 300; seed++) {
        INFO("random plan " << seed);
        check_arena(random_plan(seed));
    }
}

TEST_CASE("activations of a bf16 network take half the memory", "[plan]") {
    for (const ModelDescription &model : shipped_models()) {
        RunShape shape;
        const double f32 = double(plan_arena(lower(model, shape).plan).bytes);
        shape.dtype = Dtype::BF16;
        const double bf16 = double(plan_arena(lower(model, shape).plan).bytes);
        INFO(model.name);
        CHECK(bf16 / f32 == Approx(0.5).epsilon(0.01));
    }
}

TEST_CASE("a network's constants are all packed, and its lists of parameters name each once", "[plan]") {
    for (const ModelDescription &model : shipped_models()) {
        std::vector<RunShape> shapes = run_shapes();
        for (const RunShape &shape : run_shapes()) {
            shapes.push_back(shape);
            shapes.back().on_gpu = true;
        }
        for (const RunShape &shape : shapes) {
            const bool in_space = shape.on_gpu ? model.patches_of_bottlenecks() : model.patches_possible();
            if (shape.forced_grid > 0 && !in_space) continue;
            const LoweredNetwork network = lower(model, shape);
            std::set<TensorId> filled;
            if (network.ones != kNoTensor) filled.insert(network.ones);
            for (const ConstantRecipe &recipe : network.constants) filled.insert(recipe.tensor);
            for (const ZeroResponse &response : network.zero_responses) filled.insert(response.constant);
            for (size_t i = 0; i < network.plan.tensors.size(); i++) {
                INFO(model.name << ": " << network.plan.tensors[i].name);
                if (network.plan.tensors[i].storage == Storage::Constant) CHECK(filled.count(TensorId(i)) == 1);
            }
            std::set<std::string> keys;
            for (const ParameterInfo &parameter : network.parameters) keys.insert(parameter.key);
            CHECK(keys.size() == network.parameters.size());
        }
    }
}

TEST_CASE("borders and zero frames are zero after runs", "[plan]") {
    for (const Dtype dtype : runnable_dtypes()) {
        for (const ModelDescription &description : {small_af_resnet(true), shipped_model("af_mobilenetv3_tsm")}) {
            NetworkRun run;
            run.description = description;
            run.shape.dtype = dtype;
            run.shape.frames = 3;
            run.shape.clips = 2;
            run.shape.width = 45;
            run.shape.height = 37;
            run.masks = Masks::Random;
            const auto network = open_network(run, runnable_targets(dtype).back());
            for (int i = 0; i < 2; i++)
                network->run();
            int checked = 0;
            for (size_t i = 0; i < network->lowered().plan.tensors.size(); i++) {
                const TensorInfo &tensor = network->lowered().plan.tensors[i];
                if (tensor.border == 0 && !tensor.zero_frame) continue;
                INFO(description.name << ": " << tensor.name << ", " << dtype_name(dtype));
                CHECK(surroundings_are_zero(tensor, network->executor().numbers(TensorId(i))));
                checked++;
            }
            CHECK(checked > 10);
        }
    }
}
