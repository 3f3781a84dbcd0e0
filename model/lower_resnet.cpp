// ResNets: torchvision's network, the static baseline, and AF-ResNet (AFNET_SPEC §2), of bottlenecks or of basic blocks
// (model/residual_block.h).
#include <optional>
#include <string>

#include "model/lowering.h"
#include "model/residual_block.h"

namespace afnet {

namespace {

// 1x1, 3x3 with the stride, 1x1, each with BatchNorm; added onto the shortcut, in place (AFNET_SPEC §2.2). The
// shortcut's parameters come first or last in a state_dict without consequence; here they come where they run.
Feature bottleneck(NetworkBuilder &b, const Feature &in, const ResidualBlock &block) {
    // First, while `in` is in cache.
    const Feature pooled = pooled_shortcut(b, in, block);

    ConvLayer layer;
    layer.label = layer.conv = block.key + ".conv1";
    layer.norm = block.key + ".bn1";
    layer.out = block.out / 4;
    layer.gather = Gather::Shifted;
    layer.border = 1;
    Feature inner = b.conv(in, layer);

    layer.label = layer.conv = block.key + ".conv2";
    layer.norm = block.key + ".bn2";
    layer.kernel = 3;
    layer.stride = block.stride;
    layer.gather = Gather::None;
    layer.border = 0;
    inner = b.conv(inner, layer);

    const Feature shortcut = projected_shortcut(b, pooled, block);
    layer.label = layer.conv = block.key + ".conv3";
    layer.norm = block.key + ".bn3";
    layer.out = block.out;
    layer.kernel = layer.stride = 1;
    layer.activation = block.last_relu ? "relu" : "linear";
    layer.onto = shortcut;
    const Feature out = b.conv(inner, layer);
    b.tap(block.key, out.tensor);
    return out;
}

Feature residual_block(NetworkBuilder &b, const ModelDescription &d, const Feature &in, const ResidualBlock &block) {
    return d.block == Block::Basic ? basic_block(b, in, block) : bottleneck(b, in, block);
}

constexpr int kFocalGroups = 2;

// The residual branch of a focal block, on selected frames only: gather fused into conv1, scatter into conv3. Without a
// selection, or with a soft one, on all frames.
Feature focal_branch(NetworkBuilder &b, const std::string &key, const Feature &in, const Feature &onto,
                     const Selection *selection, const std::string &activation) {
    const bool soft = selection && selection->soft;
    const Feature read = soft ? b.weighted(key + ".weighted", in, *selection) : in;
    if (soft) selection = nullptr;
    ConvLayer layer;
    layer.groups = kFocalGroups;
    layer.selection = selection;
    layer.label = layer.conv = key + ".conv1";
    layer.norm = key + ".bn1";
    layer.out = onto.channels / 4;
    layer.gather = soft ? Gather::None : selection ? Gather::Selected : Gather::Shifted;
    layer.border = 1;
    Feature inner = b.conv(read, layer);

    layer.label = layer.conv = key + ".conv2";
    layer.norm = key + ".bn2";
    layer.kernel = 3;
    layer.gather = selection ? Gather::Compact : Gather::None;
    layer.border = 0;
    inner = b.conv(inner, layer);

    layer.label = layer.conv = key + ".conv3";
    layer.norm = key + ".bn3";
    layer.out = onto.channels;
    layer.kernel = 1;
    layer.activation = activation;
    layer.scatter = selection != nullptr;
    layer.onto = onto;
    return b.conv(inner, layer);
}

// One focal block on the focal stream, which is the module's input for the first block. Without a selection it computes
// all frames.
Feature focal_block(NetworkBuilder &b, const ModelDescription &d, const std::string &key, const Feature &in,
                    int channels, const Selection *selection, const PatchSelection *patches, bool last_relu,
                    bool fused_next, bool focal_next) {
    FocalBlock block{key, channels, 3, selection, last_relu ? "relu" : "linear", fused_next, focal_next, patches};
    block.basic = d.block == Block::Basic;
    Feature state = in;
    if (in.channels != channels) {
        ConvLayer projection;
        projection.label = key + ".downsample.conv";
        projection.conv = key + ".downsample.0";
        projection.norm = key + ".downsample.1";
        projection.out = channels;
        projection.activation = "linear";
        projection.projects = &block;
        projection.shiftable = true;
        state = b.conv(in, projection);
    }
    const Feature out = b.focal(block, in, state,
                                [&](NetworkBuilder &inner, const Feature &from, const Feature &onto,
                                    const Selection *listed, const std::string &activation) {
                                    return d.block == Block::Basic
                                               ? basic_focal_branch(inner, key, from, onto, listed, activation, kFocalGroups)
                                               : focal_branch(inner, key, from, onto, listed, activation);
                                });
    b.tap(key, out.tensor);
    return out;
}

// theta = sigmoid(W_b relu(W_a mean(a + f))) (AFNET_SPEC §2.8)
TensorId fusion_weights(NetworkBuilder &b, const std::string &key, const Feature &ample, const Feature &focal) {
    const TensorId pooled = b.spatial_mean(key + ".pool", focal, &ample);
    const TensorId hidden = b.linear(key + ".fc.0", pooled, focal.channels / 16, false, "relu");
    const TensorId theta = b.linear(key + ".fc.2", hidden, focal.channels, false, "sigmoid");
    b.tap(key, theta);
    return theta;
}

// The end of both branches.
Feature fused(NetworkBuilder &b, const std::string &key, Fusion fusion, Feature ample, const Feature &focal) {
    ConvLayer transform;
    transform.label = key + ".base_transform";
    transform.conv = key + ".base_transform.0";
    transform.norm = key + ".base_transform.1";
    transform.out = focal.channels;
    transform.activation = "linear";
    ample = b.conv(ample, transform);
    if (fusion == Fusion::Addition) return b.add_branches(key + ".fuse", ample, focal, "relu");
    const TensorId theta = fusion_weights(b, key + ".att_gen", ample, focal);
    return b.fuse(key + ".fuse", ample, focal, theta, "relu");
}

// AFNET_SPEC §2.3. Of the focal branch alone the last block has the ReLU that else follows the fusion.
Feature af_module(NetworkBuilder &b, const ModelDescription &d, const std::string &key, const Feature &in, int channels,
                  int blocks, int fusion_stride) {
    const bool both = d.branches == Branches::Both;
    Feature ample = in, focal = in;
    for (int i = 0; i < blocks; i++) {
        const std::string refine = numbered(key + ".refine_module", i);
        const bool last_relu = i + 1 < blocks;
        const Selection *listed = b.choose_frames(d, numbered(key + ".list_gen", i), refine, both ? ample : focal);
        if (both) {
            ample = residual_block(b, d, ample, {numbered(key + ".base_module", i), channels / 2, i == 0 ? 2 : 1,
                                                 Shortcut::Pooled, last_relu});
        }
        std::optional<PatchSelection> patches;
        const int grid = b.shape().forced_grid > 0 ? b.shape().forced_grid : d.spatial() ? d.grid : 0;
        if (grid > 0 && !b.shape().without_masks) {
            patches = b.navigate_patches(refine, both ? ample : focal, grid, listed);
        }
        const bool fused_next = both && !last_relu && d.fusion == Fusion::Dynamic;
        focal = focal_block(b, d, refine, focal, channels, listed, patches ? &*patches : nullptr, last_relu || !both,
                            fused_next, both && last_relu);
    }
    if (both) focal = fused(b, key, d.fusion, ample, focal);
    const Feature out =
        residual_block(b, d, focal, {key + ".fusion.0", channels, fusion_stride, Shortcut::Pooled, true});
    b.tap(key, out.tensor);
    return out;
}

void head(const ModelDescription &d, NetworkBuilder &b, const Feature &in) {
    const TensorId pooled = b.drop(b.spatial_mean("gappool", in));
    b.head_consensus(b.linear("fc", pooled, d.classes, true, "linear"), d.classes);
}

}  // namespace

void lower_resnet(const ModelDescription &d, NetworkBuilder &b) {
    Feature x = b.stem("conv1", "bn1", b.input(3), d.width);
    b.tap("stem", x.tensor);
    for (size_t stage = 0; stage < d.depths.size(); stage++) {
        const std::string key = "layer" + std::to_string(stage + 1);
        for (int i = 0; i < d.depths[stage]; i++) {
            const int stride = stage > 0 && i == 0 ? 2 : 1;
            x = residual_block(b, d, x, {numbered(key, i), d.channels_behind(int(stage)), stride, Shortcut::Strided, true});
        }
        b.tap(key, x.tensor);
    }
    head(d, b, x);
}

void lower_af_resnet(const ModelDescription &d, NetworkBuilder &b) {
    Feature x = b.stem("conv1", "bn1", b.input(3), d.width);
    b.tap("stem", x.tensor);
    for (int stage = 0; stage < 3; stage++) {
        // The third module keeps its resolution.
        x = af_module(b, d, "layer" + std::to_string(stage + 1), x, d.channels_behind(stage), d.depths[size_t(stage)] - 1,
                      stage < 2 ? 2 : 1);
    }
    for (int i = 0; i < d.depths[3]; i++) {
        x = residual_block(b, d, x, {numbered("layer4", i), d.channels_behind(3), i == 0 ? 2 : 1, Shortcut::Pooled, true});
    }
    b.tap("layer4", x.tensor);
    head(d, b, x);
}

}  // namespace afnet
