#include "tests/reference/af_mobilenetv3.h"

#include <algorithm>

namespace afnet::reference {

namespace {

enum class Activation { Relu, HSwish };

/// An inverted residual block in the ample branch or outside the branches; in the focal branch its stride is 1.
struct InvertedResidual {
    int hidden_channels;
    int output_channels;
    int kernel; // of the depthwise convolution
    bool squeeze_excite;
    Activation activation;
    int stride;
};

constexpr Activation kRelu = Activation::Relu, kHSwish = Activation::HSwish;

const std::vector<InvertedResidual> kHead = {{16, 16, 3, false, kRelu, 1}};
const std::vector<InvertedResidual> kStage1 = {{64, 24, 3, false, kRelu, 2}, {72, 24, 3, false, kRelu, 2}};
const std::vector<InvertedResidual> kStage4 = {{480, 112, 3, true, kHSwish, 1}, {672, 112, 3, true, kHSwish, 1}};
const std::vector<InvertedResidual> kStage5 = {
    {672, 160, 5, true, kHSwish, 2}, {960, 160, 5, true, kHSwish, 1}, {960, 160, 5, true, kHSwish, 1}};

/// A stage with two branches: the blocks of both, and the block after their fusion.
struct AdaptiveStage {
    std::string number;
    std::vector<InvertedResidual> blocks;
    InvertedResidual fusion;
};

const AdaptiveStage kStage2 = {
    "2", {{72, 40, 5, true, kRelu, 2}, {120, 40, 5, true, kRelu, 1}}, {120, 40, 5, true, kRelu, 2}};
const AdaptiveStage kStage3 = {
    "3",
    {{240, 80, 3, false, kHSwish, 2}, {200, 80, 3, false, kHSwish, 1}, {184, 80, 3, false, kHSwish, 1}},
    {184, 80, 3, false, kHSwish, 1}};

constexpr int kFocalGroups = 2;
constexpr int kLastChannels = 960;
constexpr int kClassifierChannels = 1280;

Tensor4 activate(Tensor4 input, Activation activation) {
    return activation == kRelu ? relu(std::move(input)) : h_swish(std::move(input));
}

/// The multiple of 8 nearest to channels / 4, at least 8 and at least 0.9 times that quarter.
int squeezed_channels(int channels) {
    const int quarter = channels / 4;
    const int rounded = std::max(8, (quarter + 4) / 8 * 8);
    return 10 * rounded < 9 * quarter ? rounded + 8 : rounded;
}

Tensor4 squeeze_excite(Execution &run, const std::string &key, Tensor4 input) {
    const int squeezed = squeezed_channels(input.c);
    const Tensor4 hidden = relu(run.linear(key + ".fc.0", global_mean(input), squeezed, Execution::Bias::Added));
    const Tensor4 factor = h_sigmoid(run.linear(key + ".fc.2", hidden, input.c, Execution::Bias::Added));
    return scale_channels(std::move(input), factor);
}

/// The layers of a block on its shifted (and masked) input; `groups` divides the pointwise convolutions.
Tensor4 residual_branch(Execution &run, const std::string &block, Tensor4 x, const InvertedResidual &shape,
                        int groups) {
    int layer = 1; // numbers convolutions and their batch normalisations; a block that does not widen has no first
    const auto conv_bn = [&](const Convolution &convolution) {
        const std::string number = std::to_string(layer++);
        return run.conv_bn(block + ".conv" + number, block + ".bn" + number, x, convolution);
    };
    const int hidden = shape.hidden_channels;
    if (x.c != hidden) x = activate(conv_bn({hidden, 1, 1, 0, groups}), shape.activation);
    x = conv_bn({hidden, shape.kernel, shape.stride, (shape.kernel - 1) / 2, hidden});
    if (shape.squeeze_excite) x = squeeze_excite(run, block + ".se", std::move(x));
    x = activate(std::move(x), shape.activation);
    return conv_bn({shape.output_channels, 1, 1, 0, groups});
}

Tensor4 plain_block(Execution &run, const std::string &block, const Tensor4 &input, const InvertedResidual &shape) {
    Tensor4 output = residual_branch(run, block, run.shifted(input), shape, 1);
    if (shape.stride == 1 && input.c == shape.output_channels) output = add(std::move(output), input);
    run.record_mean(block, output);
    return output;
}

/// Always residual: where the channels change, the shortcut is projected, for all frames.
Tensor4 focal_block(Execution &run, const std::string &block, const Tensor4 &input, InvertedResidual shape,
                    const std::vector<double> &mask) {
    shape.stride = 1;
    Tensor4 branch = residual_branch(run, block, scale_frames(run.shifted(input), mask), shape, kFocalGroups);
    if (run.config().unselected == Unselected::Skipped) branch = scale_frames(std::move(branch), mask);
    Tensor4 shortcut = input;
    if (input.c != shape.output_channels)
        shortcut = run.conv_bn(block + ".res_connect.0", block + ".res_connect.1", input,
                               {shape.output_channels, 1, 1, 0, kFocalGroups});
    const Tensor4 output = add(std::move(branch), shortcut);
    run.record_mean(block, output);
    return output;
}

Tensor4 plain_stage(Execution &run, const std::string &key, const std::vector<InvertedResidual> &blocks, Tensor4 x) {
    for (size_t i = 0; i < blocks.size(); i++)
        x = plain_block(run, key + "." + std::to_string(i), x, blocks[i]);
    return x;
}

Tensor4 adaptive_stage(Execution &run, const AdaptiveStage &stage, const Tensor4 &input) {
    const std::string prefix = "features_stage" + stage.number, attention = "att_gen" + stage.number;
    Tensor4 ample = input, focal = input;
    for (size_t i = 0; i < stage.blocks.size(); i++) {
        const std::string index = "." + std::to_string(i);
        const bool alone = run.config().focal_only;
        const std::vector<double> mask = run.navigate("list_gen" + stage.number + index, alone ? focal : ample);
        if (!alone) ample = plain_block(run, prefix + "_base" + index, ample, stage.blocks[i]);
        focal = focal_block(run, prefix + "_refine" + index, focal, stage.blocks[i], mask);
    }
    if (run.config().focal_only) return plain_block(run, prefix + "_fuse.0", focal, stage.fusion);
    ample = upsample_nearest(ample, focal.x, focal.y);
    if (run.config().addition) return plain_block(run, prefix + "_fuse.0", add(ample, focal), stage.fusion);
    const Tensor4 mean = global_mean(add(ample, focal));
    const Tensor4 hidden = relu(run.linear(attention + ".fc.0", mean, focal.c / 16, Execution::Bias::Added));
    const Tensor4 theta = sigmoid(run.linear(attention + ".fc.2", hidden, focal.c, Execution::Bias::Added));
    return plain_block(run, prefix + "_fuse.0", blend(theta, ample, focal), stage.fusion);
}

} // namespace

void run_af_mobilenetv3(Execution &run, const Tensor4 &input) {
    Tensor4 x = h_swish(run.conv_bn("conv", "bn", input, {16, 3, 2, 1}));
    x = plain_stage(run, "features_head", kHead, std::move(x));
    x = plain_stage(run, "features_stage1", kStage1, std::move(x));
    x = adaptive_stage(run, kStage2, x);
    x = adaptive_stage(run, kStage3, x);
    x = plain_stage(run, "features_stage4", kStage4, std::move(x));
    x = plain_stage(run, "features_stage5", kStage5, std::move(x));
    x = global_mean(h_swish(run.conv_bn("conv_last", "bn_last", x, {kLastChannels})));
    x = h_swish(run.linear("fc.0", x, kClassifierChannels, Execution::Bias::Added));
    run.record_logits(run.linear("fc.3", x, run.config().classes, Execution::Bias::Added));
}

} // namespace afnet::reference
