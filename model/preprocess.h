// Frames as decoded to frames as the network reads them: Pillow's antialiased bilinear resize, centre crop,
// normalisation; in training a crop of the resized frame, resized again and perhaps flipped (AFNET_SPEC §6).
#pragma once

#include <memory>
#include <vector>

#include "model/description.h"
#include "runtime/executor.h"
#include "runtime/rgb_frame.h"

namespace afnet {

/// The kernel library of preprocessing, beside the models'.
constexpr const char *kPreprocessLibrary = "preprocess";
std::vector<KernelSpec> preprocess_specs();

/// One resize pass: for each output column or row, the first input one and the weights of those that follow.
struct ResizeTable {
    int taps = 0;
    std::vector<int> first;    // [i]
    std::vector<int> weights;  // [tap, i]  22-bit fixed point
};

/// Pillow's triangle filter, widened by the scale when it shrinks.
ResizeTable resize_table(int from, int to);

/// Where the network's square crop lies in the resized frame. The evaluation transform of the authors: height 240,
/// width 320, the aspect ratio not kept, then the centre; scaled for other crop sizes than 224.
struct EvaluationCrop {
    int width = 320, height = 240;  // of the resized frame
    int size = 224;
    int left = 48, top = 8;
};
EvaluationCrop evaluation_crop(int size);
/// The same for any rule: Crop::Whole resizes to the square itself.
EvaluationCrop frame_crop(Crop rule, int size);

/// What training shows of a resized frame: a rectangle of it, resized to the network's square.
struct CropBox {
    int width = 0, height = 0, left = 0, top = 0;
    bool flip = false;  // left and right exchanged
};

/// Resizes frames of one size; a frame of another size rebuilds the plan. Not for use by several threads at once;
/// separate ones are independent.
class Preprocessor {
public:
    Preprocessor(KernelStore &kernels, const EvaluationCrop &crop);
    ~Preprocessor();

    /// [3, x, y] of the crop, normalised; valid until the next call.
    const float *run(const RgbFrame &frame);
    /// The same of `box`, which must lie in the resized frame. Pillow's resize, crop, resize and flip make these pixels.
    const float *run(const RgbFrame &frame, const CropBox &box);
    /// The whole resized frame, 8 bits, as Pillow would give it.
    RgbFrame resize(const RgbFrame &frame);

private:
    /// A plan for frames of one size, bound; where the box is depends on inputs.
    struct Pipeline;
    Pipeline &prepare(std::unique_ptr<Pipeline> &pipeline, const RgbFrame &frame, bool boxed);
    const float *run(Pipeline &pipeline, const RgbFrame &frame);

    KernelStore &kernels_;
    EvaluationCrop crop_;
    std::unique_ptr<Pipeline> centre_, boxed_;
};

}  // namespace afnet
