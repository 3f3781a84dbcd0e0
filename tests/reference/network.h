// The networks as plain loops in double: what the compiled ones are checked against, down to the means of their
// modules. The reference computes everything and then applies the masks as the definition says; it saves no work.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/reference/spatial.h"
#include "tests/reference/tensor4.h"

namespace afnet::reference {

enum class Architecture {
    ResNet,        // torchvision's, bottlenecks with the stride on the 3x3 convolution, or basic blocks
    AfResNet,      // AFNet on ResNet
    AfMobileNetV3, // AFNet on MobileNetV3-Large
};

/// What an unselected frame gets from a focal block.
enum class Unselected {
    Masked,  // the block runs on zeros: shortcut + F(0)
    Skipped, // the shortcut alone (projection and last ReLU stay)
};

/// A network and the clips that it sees. AF-ResNet-50 has depths [3,4,6,3], AF-ResNet-101 [4,8,18,3]; torchvision's
/// ResNet-101 [3,4,23,3].
struct NetworkConfig {
    Architecture architecture = Architecture::AfResNet;
    std::vector<int> depths = {3, 4, 6, 3}; // ResNets: blocks per stage, AF modules at least 2 (they have depth - 1)
    bool basic_blocks = false; // ResNets: of two 3x3 convolutions, instead of bottlenecks
    int base_width = 64; // ResNets: channels of the stem; stage k ends at 4 base 2^k, with basic blocks at base 2^k
    int tail_channels = 0; // ResNets: behind the last stage; 0: twice those of the stage before
    bool shift = false;  // TSM in every block (the released AF-MobileNetV3 always shifts)
    int classes = 1000;

    // Ablations of the adaptive networks.
    bool soft = false;       // masks are the probabilities sigmoid(l1 - l0); noise and Unselected play no part
    bool addition = false;   // fusion is the sum of both branches
    bool focal_only = false; // there is no ample branch and no fusion; a navigation reads what its focal block reads
    bool shared_mask = false; // the first block's navigation decides for all blocks; there is no other

    int frames = 8; // T, per clip
    int batch = 1;  // B, clips
    int width = 224;
    int height = 224;

    Unselected unselected = Unselected::Masked;
    /// Where not empty: the mask of each navigation in layer order, [f], instead of its decision.
    std::vector<std::vector<double>> forced_masks;
    /// Where not empty: the patches of each focal block in layer order (AF-ResNets).
    std::vector<SpatialMask> forced_patches;
    /// Where not empty: the uniform numbers of each navigation in layer order, [k, f] innermost first, that become
    /// Gumbel noise.
    std::vector<std::vector<float>> gumbel_uniforms;

    /// ResNets: channels behind stage `stage`, counted from 0.
    int stage_channels(int stage) const { return (basic_blocks ? base_width : 4 * base_width) << stage; }
};

/// A parameter in PyTorch order by its state_dict key and the shape that the network expects of it, outermost first.
/// What it returns must live until the next call only.
using ParameterLookup =
    std::function<const std::vector<float> &(const std::string &key, const std::vector<int64_t> &shape)>;

/// A result as the golden files hold it: `shape` outermost first, `data` in that order.
struct NamedTensor {
    std::vector<int64_t> shape;
    std::vector<double> data;
};

/// Results by name, for B*T frames:
///     logits [B*T, classes], clip_logits [B, classes], masks and gate_margin [blocks, B*T],
///     mean.<module> [B*T, C], corner.<module> [B*T, ceil(C/16), 3, 3] (less where the map is smaller).
/// AF-ResNet and AF-MobileNetV3 give the modules that tests/golden/README.md lists. ResNet gives mean.stem, mean.layerN
/// and mean.layerN.i, and corner.stem, .layer1 and .layer3; it has neither masks nor gate_margin.
using Outputs = std::map<std::string, NamedTensor>;

/// Runs `config`'s network in evaluation.
///
/// @param input  normalised clips, [c, x, y, f] with c = 3 and f = t + T b; of the config's extents.
Outputs run_network(const NetworkConfig &config, const ParameterLookup &parameter, const Tensor4 &input);

/// How many focal blocks, hence masks, the network has.
int mask_count(const NetworkConfig &config);
/// How many navigations make them.
int navigation_count(const NetworkConfig &config);

/// Frames from PyTorch's order [b, t, c, y, x] (as recipe_video gives them).
Tensor4 frames_from_video(const std::vector<float> &video, int channels, int width, int height, int frames);

} // namespace afnet::reference
