#include "tests/reference/af_resnet.h"

#include "tests/reference/resnet.h"

namespace afnet::reference {

namespace {

constexpr int kAdaptiveStages = 3;
constexpr int kFocalGroups = 2;

/// One adaptive stage: `channels` at its end, `blocks` in each branch.
struct AdaptiveStage {
    std::string key;
    int channels;
    int blocks;
    int stride; // of the fusion block
};

/// A block outside the focal branch. Its shortcut is pooled where the block strides and projected where it widens.
Tensor4 ample_block(Execution &run, const std::string &block, const Tensor4 &input, int output_channels, int stride,
                    bool last_relu = true) {
    Tensor4 shortcut = stride == 1 ? input : average_pool(input);
    if (input.c != output_channels) {
        // The pool stands before the projection in the shortcut's list of layers and takes an index, but no key.
        const int index = stride == 1 ? 0 : 1;
        const std::string key = block + ".downsample.";
        shortcut =
            run.conv_bn(key + std::to_string(index), key + std::to_string(index + 1), shortcut, {output_channels});
    }
    if (run.config().basic_blocks)
        return basic_block(run, block, input, shortcut, {output_channels, stride, 1, last_relu});
    return bottleneck(run, block, input, shortcut, {output_channels / 4, output_channels, stride, 1, last_relu});
}

} // namespace

// The projection of the shortcut is neither grouped nor masked.
Tensor4 focal_block(Execution &run, const std::string &block, const Tensor4 &input, int output_channels,
                    const std::vector<double> &mask, bool last_relu) {
    Tensor4 shortcut = input;
    if (input.c != output_channels) {
        const std::string key = block + ".downsample";
        shortcut = run.conv_bn(key + ".0", key + ".1", input, {output_channels});
    }
    if (run.config().basic_blocks)
        return basic_block(run, block, input, shortcut,
                           {output_channels, 1, kFocalGroups, last_relu, &mask, run.pixels()});
    return bottleneck(run, block, input, shortcut,
                      {output_channels / 4, output_channels, 1, kFocalGroups, last_relu, &mask, run.pixels()});
}

namespace {

/// theta: how much of each channel and frame comes from the ample branch, [c, 1, 1, f].
Tensor4 fusion_weights(Execution &run, const AdaptiveStage &stage, const Tensor4 &sum) {
    const std::string key = stage.key + ".att_gen";
    const Tensor4 hidden =
        relu(run.linear(key + ".fc.0", global_mean(sum), stage.channels / 16, Execution::Bias::None));
    Tensor4 theta = sigmoid(run.linear(key + ".fc.2", hidden, stage.channels, Execution::Bias::None));
    run.record_mean(key, theta);
    return theta;
}

Tensor4 adaptive_stage(Execution &run, const AdaptiveStage &stage, const Tensor4 &input) {
    Tensor4 ample = input, focal = input;
    for (int i = 0; i < stage.blocks; i++) {
        const std::string index = std::to_string(i);
        const std::string base = stage.key + ".base_module." + index, refine = stage.key + ".refine_module." + index;
        const bool last = i + 1 == stage.blocks;
        const bool alone = run.config().focal_only;
        const std::vector<double> mask = run.navigate(stage.key + ".list_gen." + index, alone ? focal : ample);
        focal = focal_block(run, refine, focal, stage.channels, mask, alone || !last);
        run.record_mean(refine, focal);
        if (alone) continue;
        ample = ample_block(run, base, ample, stage.channels / 2, i == 0 ? 2 : 1, !last);
        run.record_mean(base, ample);
    }
    if (run.config().focal_only) return ample_block(run, stage.key + ".fusion.0", focal, stage.channels, stage.stride);
    const std::string transform = stage.key + ".base_transform";
    ample = run.conv_bn(transform + ".0", transform + ".1", ample, {stage.channels});
    ample = upsample_nearest(ample, focal.x, focal.y);
    Tensor4 sum = add(ample, focal);
    if (!run.config().addition) sum = blend(fusion_weights(run, stage, sum), ample, focal);
    return ample_block(run, stage.key + ".fusion.0", relu(sum), stage.channels, stage.stride);
}

} // namespace

void run_af_resnet(Execution &run, const Tensor4 &input) {
    const NetworkConfig &config = run.config();
    Tensor4 x = resnet_stem(run, input);
    for (int k = 0; k < kAdaptiveStages; k++) {
        const std::string layer = "layer" + std::to_string(k + 1);
        const int stride = k + 1 < kAdaptiveStages ? 2 : 1;
        x = adaptive_stage(run, {layer, config.stage_channels(k), config.depths[k] - 1, stride}, x);
        run.record_mean(layer, x);
        if (k != 1) run.record_corner(layer, x);
    }
    const int channels = config.tail_channels > 0 ? config.tail_channels : config.stage_channels(kAdaptiveStages);
    for (int i = 0; i < config.depths[kAdaptiveStages]; i++)
        x = ample_block(run, "layer4." + std::to_string(i), x, channels, i == 0 ? 2 : 1);
    run.record_mean("layer4", x);
    resnet_head(run, x);
}

} // namespace afnet::reference
