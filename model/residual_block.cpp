#include "model/residual_block.h"

namespace afnet {

std::string numbered(const std::string &key, int i) {
    return key + "." + std::to_string(i);
}

Feature pooled_shortcut(NetworkBuilder &b, const Feature &in, const ResidualBlock &block) {
    return block.pools() ? b.avg_pool(block.key + ".downsample.pool", in) : in;
}

// The pool stands before the projection in the shortcut's list of layers, and takes an index but no key.
Feature projected_shortcut(NetworkBuilder &b, const Feature &shortcut, const ResidualBlock &block) {
    const int stride = block.pools() ? 1 : block.stride, index = block.pools() ? 1 : 0;
    if (shortcut.channels == block.out && stride == 1) return shortcut;
    const std::string key = block.key + ".downsample";
    ConvLayer projection;
    projection.label = key + ".conv";
    projection.conv = numbered(key, index);
    projection.norm = numbered(key, index + 1);
    projection.out = block.out;
    projection.stride = stride;
    projection.activation = "linear";
    projection.shiftable = true;
    return b.conv(shortcut, projection);
}

namespace {

ConvLayer convolution(const std::string &block, int number, int out, int groups) {
    ConvLayer layer;
    layer.label = layer.conv = block + ".conv" + std::to_string(number);
    layer.norm = block + ".bn" + std::to_string(number);
    layer.out = out;
    layer.kernel = 3;
    layer.groups = groups;
    return layer;
}

} // namespace

Feature basic_block(NetworkBuilder &b, const Feature &in, const ResidualBlock &block) {
    const Feature pooled = pooled_shortcut(b, in, block);
    ConvLayer first = convolution(block.key, 1, block.out, 1);
    first.stride = block.stride;
    first.gather = Gather::Shifted;
    const Feature inner = b.conv(in, first);
    ConvLayer second = convolution(block.key, 2, block.out, 1);
    second.activation = block.last_relu ? "relu" : "linear";
    second.onto = projected_shortcut(b, pooled, block);
    const Feature out = b.conv(inner, second);
    b.tap(block.key, out.tensor);
    return out;
}

Feature basic_focal_branch(NetworkBuilder &b, const std::string &key, const Feature &in, const Feature &onto,
                           const Selection *selection, const std::string &activation, int groups) {
    const bool soft = selection && selection->soft;
    const Feature read = soft ? b.weighted(key + ".weighted", in, *selection) : in;
    if (soft) selection = nullptr;
    ConvLayer first = convolution(key, 1, onto.channels, groups);
    first.selection = selection;
    first.gather = soft ? Gather::None : selection ? Gather::Selected : Gather::Shifted;
    const Feature inner = b.conv(read, first);
    ConvLayer second = convolution(key, 2, onto.channels, groups);
    second.selection = selection;
    second.gather = selection ? Gather::Compact : Gather::None;
    second.scatter = selection != nullptr;
    second.activation = activation;
    second.onto = onto;
    return b.conv(inner, second);
}

} // namespace afnet
