// One run of a reference network: applies named layers with their parameters, and collects what the run shows.
#pragma once

#include <string>
#include <vector>

#include "tests/reference/convolution.h"
#include "tests/reference/network.h"
#include "tests/reference/operators.h"
#include "tests/reference/selection.h"

namespace afnet::reference {

/// Layers are named by their state_dict key without the last component: conv("layer4.0.conv1", …) takes
/// `layer4.0.conv1.weight`.
class Execution {
public:
    Execution(const NetworkConfig &config, const ParameterLookup &parameter) : config_(config), parameter_(parameter) {}

    const NetworkConfig &config() const { return config_; }

    /// A convolution without bias.
    Tensor4 conv(const std::string &key, const Tensor4 &input, const Convolution &shape);

    Tensor4 batch_norm(const std::string &key, Tensor4 input);

    /// batch_norm(bn_key, conv(conv_key, input)).
    Tensor4 conv_bn(const std::string &conv_key, const std::string &bn_key, const Tensor4 &input,
                    const Convolution &shape);

    enum class Bias { None, Added };
    Tensor4 linear(const std::string &key, const Tensor4 &input, int outputs, Bias bias);

    /// Runs the navigation module `key` on the block's ample input and keeps its mask, as forced or decided, and its
    /// margin. Where blocks share a mask, those behind the first take over what it has.
    ///
    /// @return the mask, [f].
    std::vector<double> navigate(const std::string &key, const Tensor4 &input);

    /// The patches of the focal block whose navigation ran last; nullptr: all pixels.
    const SpatialMask *pixels() const;

    /// The input of a block's residual branch: shifted in time where the network shifts.
    Tensor4 shifted(const Tensor4 &input) const;

    /// Keeps mean.<module>.
    void record_mean(const std::string &module, const Tensor4 &output);
    /// Keeps corner.<module>.
    void record_corner(const std::string &module, const Tensor4 &output);
    /// Keeps logits and clip_logits.
    void record_logits(const Tensor4 &logits);

    /// Everything recorded; the run is over.
    Outputs take_outputs();

private:
    BatchNorm load_batch_norm(const std::string &key, int channels);
    NavigationWeights load_navigation(const std::string &key, int channels);

    const NetworkConfig &config_;
    const ParameterLookup &parameter_;
    Outputs outputs_;
    std::vector<Gate> gates_;
};

} // namespace afnet::reference
