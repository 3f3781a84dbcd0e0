// How a lowered convolution's constants are read once weights are there.
#pragma once

#include <functional>
#include <vector>

#include "model/network_builder.h"
#include "model/packing.h"

namespace afnet {

/// The layer's weights with its BatchNorm folded in: folded_weights().
inline std::function<std::vector<float>(const Weights &)> reading_weights(const ConvLayer &layer, int in_channels) {
    return [conv = layer.conv, norm = layer.norm, co = layer.out, ci = in_channels / layer.groups,
            k = layer.kernel](const Weights &weights) { return folded_weights(weights, conv, norm, co, ci, k); };
}

/// The bias that its BatchNorm leaves: folded_bias().
inline std::function<std::vector<float>(const Weights &)> reading_bias(const ConvLayer &layer) {
    return [norm = layer.norm, co = layer.out](const Weights &weights) { return folded_bias(weights, norm, co); };
}

}  // namespace afnet
