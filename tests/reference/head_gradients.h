// Gradients of what stands beside the convolutions, as plain loops in double: pooling, fusion, gates, linear layers,
// the navigation in training, and the losses. Vectors per frame are tensors [c, 1, 1, f].
#pragma once

#include <string>
#include <vector>

#include "tests/reference/operators.h"

namespace afnet::reference {

/// act(v) and its derivative, which is 0 where relu, and relu6 inside h_swish and h_sigmoid, bend.
double activated(const std::string &activation, double v);
double activation_slope(const std::string &activation, double v);
Tensor4 activated(const std::string &activation, Tensor4 values);

/// Of global_mean, towards an input of this size.
Tensor4 global_mean_gradient(const Tensor4 &d_mean, int width, int height);
/// Of global_mean(upsample_nearest(input, fine_width, fine_height)), towards the input.
Tensor4 upsampled_mean_gradient(const Tensor4 &d_mean, int width, int height, int fine_width, int fine_height);

struct FusionGradient {
    Tensor4 ample, focal, theta;
};
/// act(theta a + (1 - theta) b) with a the ample branch, enlarged by nearest neighbour.
Tensor4 fusion(const std::string &activation, const Tensor4 &ample, const Tensor4 &focal, const Tensor4 &theta);
FusionGradient fusion_gradient(const std::string &activation, const Tensor4 &ample, const Tensor4 &focal,
                               const Tensor4 &theta, const Tensor4 &d_output);

/// Of act(a + b), towards a and b; theta is empty.
FusionGradient addition_gradient(const std::string &activation, const Tensor4 &ample, const Tensor4 &focal,
                                 const Tensor4 &d_output);

struct ScaleGradient {
    Tensor4 input, gate;
};
/// Of act(gate input).
ScaleGradient scale_gradient(const std::string &activation, const Tensor4 &input, const Tensor4 &gate,
                             const Tensor4 &d_output);

/// Weights [k, c] as the tensor [k, 1, 1, c], the bias [k, 1, 1, 1].
struct LinearGradient {
    Tensor4 input, weights, bias;
};
/// Before the activation.
Tensor4 linear_layer(const Tensor4 &input, const Tensor4 &weights, const Tensor4 &bias);
/// Of act(linear_layer(...)).
LinearGradient linear_gradient(const std::string &activation, const Tensor4 &input, const Tensor4 &weights,
                               const Tensor4 &bias, const Tensor4 &d_output);

/// Cross-entropy of the mean over each clip's frames, with label smoothing.
struct ConsensusLoss {
    Tensor4 clip_logits;        // [k, 1, 1, n]
    std::vector<double> losses; // [n]
    Tensor4 d_logits;           // of their mean
    double mean = 0;
};
ConsensusLoss consensus_loss(const Tensor4 &logits, const std::vector<int> &labels, double smoothing);

/// The navigation module in training (AFNET_SPEC §2.5-2.6).
struct NavigationCase {
    Tensor4 pooled;       // [c, 1, 1, f]
    Tensor4 pool_weights; // [j, 1, 1, c]
    Tensor4 gamma, beta;  // [j]
    Tensor4 gate_weights; // [j, k, t]
    Tensor4 gate_bias;    // [k, 1, 1, t]
    Tensor4 uniform;      // [k, 1, 1, f]
    double temperature = 1;
    bool statistics_given = false;
    Tensor4 given_mean, given_variance; // [j]
};
struct NavigationState {
    Tensor4 projection, mean, variance, logits, soft, mask,
        margin; // margin: of the decision, [f, 1, 1, 1] as the masks
};
NavigationState navigate(const NavigationCase &in);
struct NavigationGradient {
    Tensor4 pooled, pool_weights, gamma, beta, gate_weights, gate_bias;
};
/// Straight-through: d_mask [f, 1, 1, 1] is taken for the gradient of the soft mask.
NavigationGradient navigation_gradient(const NavigationCase &in, const Tensor4 &d_mask);

} // namespace afnet::reference
