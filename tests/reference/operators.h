// The definitions that every kernel is checked against, as plain loops in double. What they leave out: convolution
// (convolution.h), gates and work lists (selection.h), resizing of pictures (resize.h).
#pragma once

#include <vector>

#include "tests/reference/tensor4.h"

namespace afnet::reference {

constexpr double kBatchNormEpsilon = 1e-5;

/// The parameters of a batch normalisation in evaluation, each [c].
struct BatchNorm {
    std::vector<float> gamma, beta, mean, variance;
};

/// The per-channel map scale * v + offset, each [c].
struct ChannelAffine {
    std::vector<double> scale, offset;
};

/// The affine map that a batch normalisation with running statistics is; a convolution before it takes `scale` into its
/// weights and `offset` as its bias.
ChannelAffine fold(const BatchNorm &batch_norm);

/// scale[c] * v + offset[c] at every pixel of every frame.
Tensor4 apply(const ChannelAffine &affine, Tensor4 input);

double sigmoid(double v);
double h_sigmoid(double v); // relu6(v + 3) / 6
double h_swish(double v);   // v * h_sigmoid(v)

Tensor4 relu(Tensor4 input);
Tensor4 sigmoid(Tensor4 input);
Tensor4 h_sigmoid(Tensor4 input);
Tensor4 h_swish(Tensor4 input);

/// Element by element; both of one shape.
Tensor4 add(Tensor4 a, const Tensor4 &b);

/// Channel c of frame f times factor[c, 0, 0, f].
Tensor4 scale_channels(Tensor4 input, const Tensor4 &factor);

/// Frame f times factor[f].
Tensor4 scale_frames(Tensor4 input, const std::vector<double> &factor);

/// theta * a + (1 - theta) * b with one theta per channel and frame, [c, 1, 1, f].
Tensor4 blend(const Tensor4 &theta, const Tensor4 &a, const Tensor4 &b);

/// 3x3 windows, stride 2, padding 1: [c, ceil(x/2), ceil(y/2), f]. Padding never wins a maximum.
Tensor4 max_pool(const Tensor4 &input);

/// 3x3 windows, stride 2, padding 1. The sum is always divided by 9: padding counts as zeros.
Tensor4 average_pool(const Tensor4 &input);

/// The mean over all pixels of a frame: [c, 1, 1, f].
Tensor4 global_mean(const Tensor4 &input);

/// TSM: with fold = floor(c / 8), channels [0, fold) come from the next frame, [fold, 2 fold) from the previous one,
/// the rest stay. `clip_frames` divides f; beyond the ends of a clip there are zeros.
Tensor4 temporal_shift(const Tensor4 &input, int clip_frames);

/// Nearest neighbour: pixel i of the output is pixel floor(i * extent in / extent out) of the input.
Tensor4 upsample_nearest(const Tensor4 &input, int width, int height);

/// A fully connected layer on [c, 1, 1, f].
///
/// @param weight  [c, k] innermost first (PyTorch's [out, in]).
/// @param bias    [k], or empty for none.
/// @return [k, 1, 1, f].
Tensor4 linear(const Tensor4 &input, const std::vector<float> &weight, const std::vector<float> &bias, int outputs);

/// Over the channels of every pixel.
Tensor4 softmax(Tensor4 input);

/// Segment consensus: the mean over the frames of each clip, [c, 1, 1, f / clip_frames] from [c, 1, 1, f].
Tensor4 clip_mean(const Tensor4 &input, int clip_frames);

} // namespace afnet::reference
