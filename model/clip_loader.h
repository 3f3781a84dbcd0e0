// One clip of a list as the network reads it: chosen frames, decoded, varied in training, preprocessed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/augmentation.h"
#include "model/clip_list.h"
#include "model/frame_cache.h"
#include "model/preprocess.h"
#include "runtime/clip_source.h"

namespace afnet {

/// How clips of a list are read.
struct ClipOptions {
    int frames = 8; // T
    int size = 224; // columns and rows that the network reads
    Crop crop = Crop::Evaluation;
    bool train = false;            // random frame of each segment; else the frames of evaluation
    AugmentationRule augmentation; // in training only
    uint64_t seed = 1;
    VideoOptions video;
};

/// Frames of one clip, still as decoded.
struct ChosenFrames {
    std::shared_ptr<const DecodedClip> clip;
    std::vector<size_t> places; // T of them, in clip->frames
};

/// What it reads depends on list, options, epoch and sample alone. Not for use by several threads at once; separate
/// loaders are independent, also with one cache.
class ClipLoader {
public:
    /// `clips` and `cache` must outlive it.
    ClipLoader(KernelStore &kernels, const std::vector<ListedClip> &clips, const ClipOptions &options,
               FrameCache &cache);

    /// Chooses and decodes. Throws Error where the clip cannot be read, Interrupted where it was cancelled.
    ChosenFrames read(uint32_t epoch, size_t sample) const;

    /// Preprocesses, into T frames of [3, x, y]. Gives back the label, which may be another one where the clip is
    /// mirrored. Throws Error where a kernel fails.
    int show(uint32_t epoch, size_t sample, const ChosenFrames &chosen, float *pixels);

    /// Floats of one clip.
    size_t clip_elements() const;

private:
    ClipPicks choose(uint32_t epoch, size_t sample, int64_t video_frames) const;
    bool find_places(ChosenFrames &chosen, const ClipPicks &picks) const;

    const std::vector<ListedClip> &clips_;
    ClipOptions options_;
    FrameCache &cache_;
    EvaluationCrop crop_;
    Preprocessor preprocessor_;
};

} // namespace afnet
