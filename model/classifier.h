// Frames in, classes out, with what the network chose to look at.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/preprocess.h"
#include "model/weights_file.h"

namespace afnet {

struct ClassScore {
    std::string label;  // the index as text where the model names no classes
    int index = 0;
    double probability = 0;
};

/// The choice of one focal block.
struct BlockMask {
    std::string block;
    std::vector<int> mask;  // [t], 1: computed
    double realised_rt = 0;
    std::vector<int> patches;          // [column, row, t] of ClipResult::grid; empty: no masks in space
    std::optional<double> realised_rs; // of the patches of these frames; nothing: there are none
};

/// One classified clip, or why it could not be.
struct ClipResult {
    std::string path;
    std::string error;  // empty: classified
    std::vector<std::string> warnings;
    std::vector<ClassScore> top;  // best first
    std::vector<int64_t> frames;  // numbers of the clip's frames in the video
    std::vector<double> frame_seconds;
    std::vector<BlockMask> masks;  // in layer order; empty for static networks
    double realised_rt = 1;        // mean over blocks and frames
    int grid = 0;                  // patches across and down a frame; 0: no masks in space
    std::optional<double> realised_rs; // mean over blocks
    double gmac = 0;               // multiply-accumulates that were computed, in 1e9
    double decode_ms = 0, preprocess_ms = 0, network_ms = 0;
};

struct ClassifierOptions {
    int top = 5;
    int frames = 0;  // T; 0: what the model is for
    int size = 0;    // crop; 0: what the model is for
    std::optional<Unselected> unselected; // none: the model's
    Dtype dtype = Dtype::F32;
    std::optional<uint64_t> gumbel_seed;  // noise as the authors' evaluation draws it, the same for each clip
};

/// The clips that a model is run on. Throws Error when the options do not suit its weights.
RunShape classified_shape(const LoadedModel &model, const ClassifierOptions &options);

class Classifier {
public:
    /// Throws Error when the options do not suit the weights, or kernels are missing.
    Classifier(const LoadedModel &model, KernelStore &kernels, const ClassifierOptions &options);

    int frames() const { return network_->shape().frames; }
    Network &network() { return *network_; }

    /// Classifies a clip of frames() frames, each of any size; fills in everything but path, numbers and decode time.
    void classify(const std::vector<RgbFrame> &frames, ClipResult &result);

private:
    void report_masks(ClipResult &result);

    ClassifierOptions options_;
    std::vector<std::string> labels_;
    std::unique_ptr<Preprocessor> preprocessor_;
    std::unique_ptr<Network> network_;
};

}  // namespace afnet
