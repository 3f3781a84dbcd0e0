#include "tests/reference/resnet.h"

namespace afnet::reference {

namespace {

constexpr int kExpansion = 4; // a bottleneck's outputs per middle channel

Tensor4 masked(Tensor4 input, const Bottleneck &shape) {
    return shape.pixels ? mask_pixels(std::move(input), *shape.pixels, shape.mask) : input;
}

Tensor4 residual_branch(Execution &run, const std::string &block, Tensor4 input, const Bottleneck &shape) {
    const Convolution reduce{shape.middle_channels, 1, 1, 0, shape.groups};
    const Convolution spatial{shape.middle_channels, 3, shape.stride, 1, shape.groups};
    const Convolution expand{shape.output_channels, 1, 1, 0, shape.groups};
    input = relu(run.conv_bn(block + ".conv1", block + ".bn1", masked(std::move(input), shape), reduce));
    input = relu(run.conv_bn(block + ".conv2", block + ".bn2", masked(std::move(input), shape), spatial));
    return run.conv_bn(block + ".conv3", block + ".bn3", masked(std::move(input), shape), expand);
}

/// A block projects its shortcut where it changes the size or the channels.
Tensor4 plain_block(Execution &run, const std::string &block, const Tensor4 &input, int output_channels, int stride) {
    Tensor4 shortcut = input;
    if (input.c != output_channels || stride != 1) {
        const std::string key = block + ".downsample";
        shortcut = run.conv_bn(key + ".0", key + ".1", input, {output_channels, 1, stride});
    }
    if (run.config().basic_blocks) return basic_block(run, block, input, shortcut, {output_channels, stride});
    return bottleneck(run, block, input, shortcut, {output_channels / kExpansion, output_channels, stride});
}

} // namespace

Tensor4 bottleneck(Execution &run, const std::string &block, const Tensor4 &input, const Tensor4 &shortcut,
                   const Bottleneck &shape) {
    Tensor4 branch_input = run.shifted(input);
    if (shape.mask) branch_input = scale_frames(std::move(branch_input), *shape.mask);
    Tensor4 branch = residual_branch(run, block, std::move(branch_input), shape);
    if (run.config().unselected == Unselected::Skipped) {
        if (shape.mask) branch = scale_frames(std::move(branch), *shape.mask);
        branch = masked(std::move(branch), shape);
    }
    Tensor4 sum = add(std::move(branch), shortcut);
    return shape.last_relu ? relu(std::move(sum)) : sum;
}

Tensor4 basic_block(Execution &run, const std::string &block, const Tensor4 &input, const Tensor4 &shortcut,
                    const BasicBlock &shape) {
    Tensor4 branch = run.shifted(input);
    if (shape.mask) branch = scale_frames(std::move(branch), *shape.mask);
    const Convolution first{shape.channels, 3, shape.stride, 1, shape.groups};
    const Convolution second{shape.channels, 3, 1, 1, shape.groups};
    const auto masked = [&](const Tensor4 &map) {
        return shape.pixels ? mask_pixels(map, *shape.pixels, shape.mask) : map;
    };
    branch = relu(run.conv_bn(block + ".conv1", block + ".bn1", masked(branch), first));
    branch = masked(branch);
    const Tensor4 zeroes(branch.c, branch.x, branch.y, branch.f);
    branch = masked(run.conv_bn(block + ".conv2", block + ".bn2", branch, second));
    const bool skipped = run.config().unselected == Unselected::Skipped;
    if (shape.pixels && !skipped) {
        const Tensor4 answer = run.conv_bn(block + ".conv2", block + ".bn2", zeroes, second), kept = masked(answer);
        for (size_t i = 0; i < branch.data.size(); i++)
            branch.data[i] += answer.data[i] - kept.data[i];
    }
    if (shape.mask && skipped) branch = scale_frames(std::move(branch), *shape.mask);
    Tensor4 sum = add(std::move(branch), shortcut);
    return shape.last_relu ? relu(std::move(sum)) : sum;
}

Tensor4 resnet_stem(Execution &run, const Tensor4 &input) {
    const Convolution shape{run.config().base_width, 7, 2, 3};
    const Tensor4 stem = max_pool(relu(run.conv_bn("conv1", "bn1", input, shape)));
    run.record_mean("stem", stem);
    run.record_corner("stem", stem);
    return stem;
}

void resnet_head(Execution &run, const Tensor4 &input) {
    run.record_logits(run.linear("fc", global_mean(input), run.config().classes, Execution::Bias::Added));
}

void run_resnet(Execution &run, const Tensor4 &input) {
    Tensor4 x = resnet_stem(run, input);
    for (size_t stage = 0; stage < run.config().depths.size(); stage++) {
        const std::string layer = "layer" + std::to_string(stage + 1);
        const int channels = run.config().stage_channels(int(stage));
        for (int i = 0; i < run.config().depths[stage]; i++) {
            const std::string block = layer + "." + std::to_string(i);
            const int stride = stage > 0 && i == 0 ? 2 : 1;
            x = plain_block(run, block, x, channels, stride);
            run.record_mean(block, x);
        }
        run.record_mean(layer, x);
        if (stage == 0 || stage == 2) run.record_corner(layer, x);
    }
    resnet_head(run, x);
}

} // namespace afnet::reference
