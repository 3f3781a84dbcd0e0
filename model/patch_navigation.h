// The navigation of spatial masks (AFNET_SPEC §11, after SAR): what its parameters are called.
#pragma once

#include <string>
#include <vector>

#include "model/weights.h"

namespace afnet {

/// Channels between both of its convolutions, and behind it: logit 1 computes a patch, logit 0 does not.
constexpr int kPatchHidden = 4, kPatchLogits = 2;

/// The prefix of a focal block's keys, for example `layer1.refine_module.0.spatial_navigation`.
std::string patch_navigation_key(const std::string &block);

/// Its parameters, reading `channels`, under that prefix and in the order of a state_dict: `conv1.weight` (3x3 over one
/// pixel of zeroes, no bias), `bn1`, ReLU, the mean over each patch, `conv2.weight` (1x1), `conv2.bias`.
std::vector<ParameterInfo> patch_navigation_parameters(const std::string &block, int channels);

/// Whether a key, or a BatchNorm's prefix, is of a navigation, temporal or spatial; or of a spatial one.
bool is_navigation(const std::string &key);
bool is_patch_navigation(const std::string &key);

} // namespace afnet
