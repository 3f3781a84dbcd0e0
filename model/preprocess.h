// Frames as decoded to frames as the network reads them: Pillow's antialiased bilinear resize, centre crop,
// normalisation (AFNET_SPEC §6).
#pragma once

#include <memory>
#include <vector>

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

/// Resizes frames of one size; a frame of another size rebuilds the plan.
class Preprocessor {
public:
    Preprocessor(KernelStore &kernels, const EvaluationCrop &crop);

    /// [3, x, y] of the crop, normalised; valid until the next call.
    const float *run(const RgbFrame &frame);
    /// The whole resized frame, 8 bits, as Pillow would give it.
    RgbFrame resize(const RgbFrame &frame);

private:
    void prepare(int width, int height);

    KernelStore &kernels_;
    EvaluationCrop crop_;
    int width_ = 0, height_ = 0;
    TensorId input_ = kNoTensor, resized_ = kNoTensor, output_ = kNoTensor;
    std::unique_ptr<Executor> executor_;
};

}  // namespace afnet
