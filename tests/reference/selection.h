// Which frames are computed: the navigation module, its Gumbel noise, and the work list that a mask becomes.
#pragma once

#include <vector>

#include "tests/reference/operators.h"

namespace afnet::reference {

/// The parameters of one navigation module for clips of T frames.
struct NavigationWeights {
    std::vector<float> pool;        // conv_pool: [c, j] innermost first, j < 2
    BatchNorm batch_norm;           // [j]
    std::vector<float> affine;      // conv_gs: [j, k, t] innermost first, k < 2: an own 2x2 matrix at each position t
    std::vector<float> affine_bias; // [k, t]
};

/// The decision about every frame, each vector [f].
struct Gate {
    std::vector<double> mask;   // 1: selected; 0: not
    std::vector<double> margin; // l1 - l0 of the logits without noise; selected without noise where positive
};

/// The logits of the two categories (0: leave out, 1: select) of every frame: global mean -> 2-channel 1x1 convolution
/// -> batch normalisation -> ReLU -> the affine map of the frame's position in its clip.
///
/// @param input  [c, x, y, f], whole clips.
/// @return [k, 1, 1, f], k < 2.
Tensor4 navigation_logits(const Tensor4 &input, const NavigationWeights &weights);

/// -ln(1e-10 - ln(u + 1e-10)) of every element.
std::vector<double> gumbel_noise(const std::vector<float> &uniforms);

/// Selects frame f iff logit 1 exceeds logit 0, noise added; a tie leaves the frame out.
///
/// @param logits  [k, 1, 1, f].
/// @param noise   [k, f] innermost first, or empty for none.
Gate select_frames(const Tensor4 &logits, const std::vector<double> &noise = {});

/// What a sparse kernel loops over.
struct WorkList {
    int count = 0;           // how many frames are selected
    std::vector<int> frames; // all frames: the `count` selected ones ascending, then the others ascending
};

/// The work list of a mask [f] of zeros and ones.
WorkList work_list(const std::vector<double> &mask);

} // namespace afnet::reference
