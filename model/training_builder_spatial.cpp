// Spatial masks in training (AFNET_SPEC §11; docs/spatial.md): the navigation that makes them, and their products with
// what a focal block's convolutions read. Masks are `masked`: every pixel is computed, those that are not selected from
// zeroes.
#include "model/patch_navigation.h"
#include "model/training_builder.h"

namespace afnet {

// `emit` adds a step that stores its part of the gradient of `of`, a vector, in the tensor that it is given.
void TrainingBuilder::add_part(const std::string &label, TensorId of, const std::function<void(TensorId)> &emit) {
    if (!gradient_written(of)) {
        emit(gradient(of));
        return;
    }
    const TensorId part = numbers(label + ".part", result_.plan.tensors[size_t(of)].extents), whole = gradient(of);
    emit(part);
    step(label + ".part_sum", KernelSpec("add_into"), {{"input", part}, {"output_before", whole}, {"output", whole}});
}

PatchSelection TrainingBuilder::navigate_patches(const std::string &block, const Feature &ample, int grid,
                                                 const Selection *selected) {
    const std::string keys = patch_navigation_key(block);
    const int frames = shape().flat_frames();
    ConvLayer layer;
    layer.label = layer.conv = keys + ".conv1";
    layer.norm = keys + ".bn1";
    layer.out = kPatchHidden;
    layer.kernel = 3;
    const Feature map = conv(ample, layer);
    const Feature pooled = feature(keys + ".pool", kPatchHidden, grid, grid);
    step(keys + ".pool", KernelSpec("grid_pool"), {{"input", map.tensor}, {"output", pooled.tensor}});
    record([=] {
        if (!has_gradient(pooled.tensor)) return;
        gradient_written(map.tensor); // it has no other reader
        step(keys + ".pool.gradient", KernelSpec("grid_pool_grad"),
             {{"d_output", gradient(pooled.tensor)}, {"d_input", gradient(map.tensor)}});
    });

    PatchSelection s;
    s.name = block;
    s.mask = numbers(block + ".spatial_mask", {grid, grid, frames}, Storage::Kept);
    s.logits = numbers(block + ".spatial_logits", {kPatchLogits, grid, grid, frames}, Storage::Kept);
    s.uniform = numbers(block + ".spatial_uniform", {kPatchLogits, grid, grid, frames}, Storage::Input);
    if (shape().forced_grid > 0)
        s.forced = numbers(block + ".forced_spatial_mask", {grid, grid, frames}, Storage::Input);
    const TensorId soft = numbers(block + ".spatial_soft", {grid, grid, frames});
    const TensorId weights =
        parameter(keys + ".conv2.weight", {kPatchLogits, kPatchHidden, 1, 1}, {kPatchLogits, kPatchHidden}, true);
    const TensorId bias = vector_parameter(keys + ".conv2.bias", kPatchLogits);
    const std::vector<Argument> read = {
        {"pooled", pooled.tensor}, {"weights", weights}, {"bias", bias}, {"uniform", s.uniform}};
    const std::vector<Scalar> scalars = {{kTemperature, 1.0}};
    std::vector<Argument> arguments = read;
    arguments.insert(arguments.end(), {{"logits", s.logits}, {"soft", soft}, {"mask", s.mask}});
    step(keys, KernelSpec("spatial_gate_forward"), arguments).scalars = scalars;
    const TensorId ratio = numbers(keys + ".ratio_error", {1}, Storage::Kept);
    const TensorId frame_mask = selected ? selected->deciding_mask() : unread_mask();
    const bool framed = selected != nullptr;
    const size_t number = result_.patches.size();
    result_.patches.push_back({s, framed ? frame_mask : kNoTensor, ratio, 0}); // the step until the tape runs
    record([=] {
        // With forced masks nothing reads the navigation's own.
        const TensorId d_mask = gradient(s.mask);
        const bool before = gradient_written(s.mask);
        result_.patches[number].ratio_step = result_.plan.steps.size();
        step(keys + ".ratio", KernelSpec("patch_ratio_loss").set("framed", framed).set("accumulate", before),
             {{"patches", s.deciding_mask()},
              {"frames", frame_mask},
              {"d_patches_before", d_mask},
              {"value", ratio},
              {"d_patches", d_mask}})
            .scalars = {
            {kTargetPatchRatio, 1.0}, {kPatchRatioWeight, 0.0}, {kOtherSelectedPatches, 0.0}, {kOtherPatches, 0.0}};
        const auto trained = [&](TensorId value) {
            const TensorId d = parameter_gradient(value);
            return d != kNoTensor ? d : gradient(value);
        };
        std::vector<Argument> gradients = read;
        gradients.insert(gradients.end(), {{"d_mask", d_mask},
                                           {"d_pooled", gradient(pooled.tensor)},
                                           {"d_weights", trained(weights)},
                                           {"d_bias", trained(bias)}});
        gradient_written(pooled.tensor);
        step(keys + ".gradient", KernelSpec("spatial_gate_grad"), gradients).scalars = scalars;
    });
    return s;
}

// What a convolution of a focal block reads: `in` times its block's mask. `frames`: the temporal mask whose rejected
// frames stay as they are.
Feature TrainingBuilder::masked_patches(const std::string &label, const Feature &in, const PatchSelection &patches,
                                        const Selection *frames, int border) {
    const Feature out = feature(label, in.channels, in.width, in.height, border);
    const TensorId mask = patches.deciding_mask(), frame_mask = frames ? frames->deciding_mask() : unread_mask();
    const bool framed = frames != nullptr;
    step(label, KernelSpec("mask_patches").set("framed", framed),
         {{"input", in.tensor}, {"patches", mask}, {"frames", frame_mask}, {"output", out.tensor}});
    record([=] {
        if (!has_gradient(out.tensor)) return;
        const TensorId d_in = gradient(in.tensor), d_mask = gradient(mask);
        const bool before = gradient_written(in.tensor), mask_before = gradient_written(mask);
        const auto emit = [&](TensorId d_frames) {
            step(label + ".gradient",
                 KernelSpec("mask_patches_grad")
                     .set("framed", framed)
                     .set("accumulate", before)
                     .set("accumulate_mask", mask_before),
                 {{"input", in.tensor},
                  {"patches", mask},
                  {"frames", frame_mask},
                  {"d_output", gradient(out.tensor)},
                  {"d_input_before", d_in},
                  {"d_patches_before", d_mask},
                  {"d_input", d_in},
                  {"d_patches", d_mask},
                  {"d_frames", d_frames}});
        };
        if (framed) {
            add_part(label, frame_mask, emit);
        } else {
            emit(gradient(frame_mask));
        }
    });
    return out;
}

} // namespace afnet
