// AF-MobileNetV3 (AFNET_SPEC §4): inverted residuals, TSM at the entry of every block, no ReLU behind the fusion.
#include <string>

#include "model/lowering.h"

namespace afnet {

namespace {

std::string numbered(const std::string &key, int i) {
    return key + "." + std::to_string(i);
}

// How the spatial half of a block ends.
ConvLayer spatial_layer(const InvertedResidual &block, const std::string &conv, const std::string &norm) {
    ConvLayer layer;
    layer.label = layer.conv = conv;
    layer.norm = norm;
    layer.kernel = block.kernel;
    layer.stride = block.stride;
    layer.activation = block.squeeze > 0 ? "linear" : block.activation;
    return layer;
}

// 1x1 convolution -> BatchNorm -> activation -> depthwise -> BatchNorm -> activation where nothing is squeezed
Feature expanded_spatial(NetworkBuilder &b, const std::string &key, const InvertedResidual &block, const Feature &in,
                         ConvLayer expansion) {
    expansion.label = expansion.conv = key + ".conv1";
    expansion.norm = key + ".bn1";
    expansion.out = block.hidden;
    expansion.activation = block.activation;
    return b.expand_depthwise(in, expansion, spatial_layer(block, key + ".conv2", key + ".bn2"));
}

// (squeeze-and-excitation -> activation ->) the convolution that projects back
Feature project(NetworkBuilder &b, const std::string &key, const InvertedResidual &block, const Feature &hidden,
                const ConvLayer &layer) {
    if (block.squeeze == 0) return b.conv(hidden, layer);
    const Selection *selection = layer.gather == Gather::Compact ? layer.selection : nullptr;
    const TensorId pooled = b.spatial_mean(key + ".se.pool", hidden, nullptr, selection);
    const TensorId squeezed = b.linear(key + ".se.fc.0", pooled, block.squeeze, true, "relu", selection);
    const TensorId gate = b.linear(key + ".se.fc.2", squeezed, block.hidden, true, "hsigmoid", selection);
    return b.gated_projection(key + ".se", hidden, gate, block.activation, layer);
}

int border_for(int kernel) {
    return (kernel - 1) / 2;
}

// A block on all frames.
Feature inverted_residual(NetworkBuilder &b, const std::string &key, const InvertedResidual &block, const Feature &in) {
    Feature hidden = in;
    const bool expands = block.in != block.hidden;
    if (expands) {
        ConvLayer expansion;
        expansion.gather = Gather::Shifted;
        hidden = expanded_spatial(b, key, block, in, expansion);
    } else {
        ConvLayer spatial = spatial_layer(block, key + ".conv1", key + ".bn1");
        spatial.gather = Gather::Shifted;
        hidden = b.depthwise(in, spatial);
    }
    ConvLayer layer;
    layer.label = layer.conv = key + (expands ? ".conv3" : ".conv2");
    layer.norm = key + (expands ? ".bn3" : ".bn2");
    layer.out = block.out;
    layer.activation = "linear";
    layer.shiftable = true;
    if (block.stride == 1 && block.in == block.out) layer.onto = in;
    const Feature out = project(b, key, block, hidden, layer);
    b.tap(key, out.tensor);
    return out;
}

constexpr int kFocalGroups = 2;

// On selected frames; without a selection, or with a soft one, on all.
Feature focal_branch(NetworkBuilder &b, const std::string &key, const InvertedResidual &block, const Feature &in,
                     const Feature &onto, const Selection *selection) {
    const bool soft = selection && selection->soft;
    const Feature read = soft ? b.weighted(key + ".weighted", in, *selection) : in;
    if (soft) selection = nullptr;
    ConvLayer layer;
    layer.selection = selection;
    layer.groups = kFocalGroups;
    layer.gather = soft ? Gather::None : selection ? Gather::Selected : Gather::Shifted;
    const Feature hidden = expanded_spatial(b, key, block, read, layer);

    layer.label = layer.conv = key + ".conv3";
    layer.norm = key + ".bn3";
    layer.out = block.out;
    layer.activation = "linear";
    layer.gather = selection ? Gather::Compact : Gather::None;
    layer.scatter = selection != nullptr;
    layer.onto = onto;
    return project(b, key, block, hidden, layer);
}

// Always residual, at the input's resolution; the shortcut's projection is grouped too, and runs on all frames.
Feature focal_block(NetworkBuilder &b, const std::string &key, InvertedResidual block, const Feature &in,
                    const Selection *selection, bool fused_next) {
    FocalBlock focal{key, block.out, block.kernel, selection, "linear", fused_next};
    Feature state = in;
    if (block.stride != 1 || block.in != block.out) {
        ConvLayer projection;
        projection.label = key + ".res_connect";
        projection.conv = key + ".res_connect.0";
        projection.norm = key + ".res_connect.1";
        projection.out = block.out;
        projection.groups = kFocalGroups;
        projection.activation = "linear";
        projection.projects = &focal;
        projection.shiftable = true;
        state = b.conv(in, projection);
    }
    block.stride = 1;
    const Feature out =
        b.focal(focal, in, state,
                [&](NetworkBuilder &inner, const Feature &from, const Feature &onto, const Selection *listed,
                    const std::string &) { return focal_branch(inner, key, block, from, onto, listed); });
    b.tap(key, out.tensor);
    return out;
}

Feature fused(NetworkBuilder &b, const MobileStage &stage, const std::string &attention, Fusion fusion,
              const Feature &ample, const Feature &focal) {
    const std::string label = "features_" + stage.name + ".fuse";
    if (fusion == Fusion::Addition) return b.add_branches(label, ample, focal, "linear");
    const TensorId pooled = b.spatial_mean(attention + ".pool", focal, &ample);
    const TensorId hidden = b.linear(attention + ".fc.0", pooled, stage.attention_hidden, true, "relu");
    const TensorId theta = b.linear(attention + ".fc.2", hidden, focal.channels, true, "sigmoid");
    b.tap(attention, theta);
    return b.fuse(label, ample, focal, theta, "linear");
}

Feature adaptive_stage(NetworkBuilder &b, const ModelDescription &d, const MobileStage &stage, const Feature &in) {
    const std::string key = "features_" + stage.name, number = stage.name.substr(stage.name.size() - 1);
    const bool both = d.branches == Branches::Both;
    Feature ample = in, focal = in;
    for (int i = 0; i < int(stage.blocks.size()); i++) {
        const InvertedResidual &block = stage.blocks[size_t(i)];
        const std::string refine = numbered(key + "_refine", i);
        const Selection *listed = b.choose_frames(d, numbered("list_gen" + number, i), refine, both ? ample : focal);
        if (both) ample = inverted_residual(b, numbered(key + "_base", i), block, ample);
        const bool fused_next = both && i + 1 == int(stage.blocks.size()) && d.fusion == Fusion::Dynamic;
        focal = focal_block(b, refine, block, focal, listed, fused_next);
    }
    if (both) focal = fused(b, stage, "att_gen" + number, d.fusion, ample, focal);
    return inverted_residual(b, numbered(key + "_fuse", 0), stage.fuse, focal);
}

}  // namespace

void lower_af_mobilenetv3(const ModelDescription &d, NetworkBuilder &b) {
    ConvLayer stem;
    stem.label = stem.conv = "conv";
    stem.norm = "bn";
    stem.out = d.width;
    stem.kernel = 3;
    stem.stride = 2;
    stem.activation = "hswish";
    // The first block has no expansion: its depthwise convolution reads the stem directly.
    const MobileStage &first = d.stages.front();
    stem.border = first.blocks.front().in == first.blocks.front().hidden ? border_for(first.blocks.front().kernel) : 0;
    stem.shiftable = true;
    Feature x = b.conv(b.input(1), stem);
    b.tap("stem", x.tensor);
    for (const MobileStage &stage : d.stages) {
        if (stage.adaptive) {
            x = adaptive_stage(b, d, stage, x);
            continue;
        }
        for (int i = 0; i < int(stage.blocks.size()); i++) {
            x = inverted_residual(b, numbered("features_" + stage.name, i), stage.blocks[size_t(i)], x);
        }
    }
    ConvLayer last;
    last.label = last.conv = "conv_last";
    last.norm = "bn_last";
    last.out = d.last_channels;
    last.activation = "hswish";
    x = b.conv(x, last);
    const TensorId pooled = b.spatial_mean("gappool", x);
    const TensorId hidden = b.drop(b.linear("fc.0", pooled, d.head_hidden, true, "hswish"));
    b.head_consensus(b.linear("fc.3", hidden, d.classes, true, "linear"), d.classes);
}

}  // namespace afnet
