#include "model/lowering.h"

#include <map>

#include "runtime/error.h"

namespace afnet {

namespace {

// Of networks with masks in space.
void check_bottlenecks(const ModelDescription &description, const RunShape &shape, const std::string &where) {
    const bool in_space = (shape.forced_grid > 0 || description.spatial()) && !shape.without_masks;
    if (!in_space || description.patches_of_bottlenecks()) return;
    throw Error(description.name + ": masks in space are there for af_resnet networks of bottlenecks only " + where);
}

void check(const ModelDescription &description, const RunShape &shape) {
    const auto in_range = [&](int value, int least, int most, const char *what) {
        if (value >= least && value <= most) return;
        throw Error(description.name + ": " + what + " of " + std::to_string(value) + "; " + std::to_string(least) +
                    " to " + std::to_string(most) + " expected");
    };
    in_range(shape.width, 32, 4096, "width");
    in_range(shape.height, 32, 4096, "height");
    in_range(shape.frames, 1, 256, "a number of frames");
    in_range(shape.clips, 1, 1024, "a number of clips");
    in_range(shape.forced_grid, 0, 64, "a grid of patches");
    if (shape.forced_grid > 0 && !description.patches_possible()) {
        throw Error(description.name + ": masks in space are there for af_resnet networks only");
    }
    if (shape.on_gpu) check_bottlenecks(description, shape, "on GPUs");
    if (shape.forced_grid > 0 && description.soft() && !shape.forced_masks) {
        throw Error(description.name + ": soft weights of frames and masks in space exclude each other");
    }
}

RunShape with_masks_of(const ModelDescription &description, RunShape shape) {
    shape.soft_masks = description.soft() && !shape.forced_masks;
    return shape;
}

}  // namespace

void lower_with(NetworkBuilder &builder, const ModelDescription &description) {
    switch (description.family) {
    case Family::ResNet: lower_resnet(description, builder); break;
    case Family::AfResNet: lower_af_resnet(description, builder); break;
    case Family::AfMobileNetV3: lower_af_mobilenetv3(description, builder); break;
    }
}

LoweredNetwork lower(const ModelDescription &description, const RunShape &shape) {
    check(description, shape);
    PlanBuilder builder(description.shift, with_masks_of(description, shape));
    lower_with(builder, description);
    return std::move(builder.network());
}

TrainingPlan lower_training(const ModelDescription &description, const RunShape &shape, TrainingChoices choices) {
    check(description, shape);
    check_bottlenecks(description, shape, "in training");
    TrainingBuilder builder(description.shift, with_masks_of(description, shape), std::move(choices));
    lower_with(builder, description);
    return builder.finish();
}

namespace {

// By name.
using KernelSet = std::map<std::string, KernelSpec>;

void add_kernels(const ModelDescription &description, const RunShape &shape, KernelSet &all) {
    const auto add = [&](const Plan &plan) {
        for (const Step &step : plan.steps)
            all[step.kernel.name()] = step.kernel;
    };
    const LoweredNetwork network = lower(description, shape);
    add(network.plan);
    for (const ZeroResponse &response : network.zero_responses)
        add(response.plan);
}

std::vector<KernelSpec> listed(const KernelSet &all) {
    std::vector<KernelSpec> specs;
    for (const auto &[name, spec] : all)
        specs.push_back(spec);
    return specs;
}

} // namespace

std::vector<KernelSpec> gpu_kernels_of(const ModelDescription &description, const std::vector<RunShape> &shapes) {
    KernelSet all;
    for (RunShape shape : shapes) {
        shape.on_gpu = true;
        add_kernels(description, shape, all);
    }
    return listed(all);
}

std::vector<KernelSpec> kernel_specs(const ModelDescription &description, Dtype dtype, bool on_gpu) {
    // Masks in space run in f32 only, and in basic blocks on CPUs.
    if (description.spatial() && (dtype != Dtype::F32 || (on_gpu && !description.patches_of_bottlenecks()))) return {};
    KernelSet specs;
    std::vector<RunShape> shapes(4);
    shapes[1].unselected = Unselected::Skipped;
    shapes[2].without_masks = true;
    shapes[3].taps = true;
    if (description.soft()) {  // masks from outside are hard; soft ones run in f32
        shapes[0].forced_masks = shapes[1].forced_masks = shapes[3].forced_masks = true;
        if (dtype == Dtype::F32) shapes.emplace_back();
    }
    const bool in_space =
        (on_gpu ? description.patches_of_bottlenecks() : description.patches_possible()) && dtype == Dtype::F32;
    if (in_space) {
        // Between them, both sides of tiles for every layer, and both meanings of "unselected".
        for (const auto &[grid, unselected] : {std::pair{1, Unselected::Masked}, {64, Unselected::Skipped}}) {
            RunShape spatial;
            spatial.forced_masks = true;
            spatial.forced_grid = grid;
            spatial.unselected = unselected;
            shapes.push_back(spatial);
        }
    }
    const auto collect_all = [&](const ModelDescription &of, RunShape shape) {
        shape.dtype = dtype;
        shape.on_gpu = on_gpu;
        add_kernels(of, shape, specs);
    };
    if (on_gpu) { // where vendors' libraries serve what they can
        for (const bool without_masks : {false, true}) {
            shapes.emplace_back();
            shapes.back().shift_apart = true;
            shapes.back().without_masks = without_masks;
            shapes.back().forced_masks = description.soft();
        }
    }
    for (const RunShape &shape : shapes) collect_all(description, shape);
    if (in_space && !description.spatial()) {
        ModelDescription spatial = description; // for the navigation of its masks
        spatial.frame_choice = FrameChoice::Hard;
        spatial.masks = MaskKind::Both;
        collect_all(spatial, RunShape());
    }
    return listed(specs);
}

}  // namespace afnet
