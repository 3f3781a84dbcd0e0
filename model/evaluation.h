// Classifies the clips of a list under several ways to choose frames, with the same weights for all.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/clip_batches.h"
#include "model/clip_list.h"
#include "model/masked_network.h"

namespace afnet {

/// One way to choose frames.
struct EvaluationCase {
    MaskPolicy policy = MaskPolicy::Learned;
    std::optional<double> rt; // what part of frames, where the policy takes one; none: what Learned realised
    uint64_t seed = 1;        // where the policy draws
};

/// Every policy with every ratio and every seed that it takes, in this order.
std::vector<EvaluationCase> evaluation_cases(const std::vector<MaskPolicy> &policies, const std::vector<double> &ratios,
                                             const std::vector<uint64_t> &seeds);

/// What became of one clip.
struct ClipOutcome {
    size_t sample = 0; // place in the list
    int label = 0;
    MaskedResult result;
    std::optional<std::vector<int>> keys; // positions in the clip of true key frames, where they are known
    std::optional<int> reversed;          // the class that it is taken for when its frames run backwards
};

struct CaseOutcome {
    EvaluationCase what; // its `rt` is filled in
    std::vector<ClipOutcome> clips;
    double ms_per_clip = 0; // of the network alone, in batches
};

struct EvaluationOptions {
    int frames = 0, size = 0; // 0: what the model is for
    int batch = 0;            // clips at a time; 0: by their size
    bool reversed = false;    // also backwards
    std::optional<Unselected> unselected; // none: the model's
    Dtype dtype = Dtype::F32;
};

struct Evaluation {
    std::vector<CaseOutcome> cases;
    std::vector<std::string> blocks;
    std::vector<ClipFault> faults; // clips that could not be read, which no case has
    RunShape shape;
};

/// Positions in a clip of `frames` frames that show key frames of the video `name`, ascending. Throws Error where the
/// truth does not know the video.
std::vector<int> clip_keys(const KeyFrames &truth, const std::string &name, int frames);

/// The batches that a model is run on, of `clips` clips in all.
RunShape evaluated_shape(const LoadedModel &model, const EvaluationOptions &options, size_t clips);

/// Throws Error, before anything is read, where a label is no class of the model, or UsageError where cases need masks
/// that the model or the data lack: key frames for Oracle, a navigation for all but Learned. `progress(done)` is called
/// as clips are done, of `evaluation_work()`.
Evaluation evaluate(const LoadedModel &model, KernelStore &kernels, const std::vector<ListedClip> &clips,
                    const std::optional<KeyFrames> &truth, const std::vector<EvaluationCase> &cases,
                    const EvaluationOptions &options, const std::function<void(size_t)> &progress);

/// Times that a clip is read: a second time for ratios that are known only when all clips have been classified.
size_t evaluation_work(size_t clips, const std::vector<EvaluationCase> &cases);

} // namespace afnet
