// Classifies the clips of a list under several ways to choose frames, or patches of frames, with the same weights for
// all.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/clip_batches.h"
#include "model/clip_truth.h"
#include "model/evaluation_cases.h"
#include "model/masked_network.h"

namespace afnet {

/// What became of one clip.
struct ClipOutcome {
    size_t sample = 0; // place in the list
    int label = 0;
    MaskedResult result;
    std::optional<std::vector<int>> keys; // positions in the clip of true key frames, where they are known
    std::optional<ClipKeyPatches> key_patches;
    std::optional<int> reversed; // the class that it is taken for when its frames run backwards
};

struct CaseOutcome {
    EvaluationCase what; // its ratios are filled in
    std::vector<ClipOutcome> clips;
    double ms_per_clip = 0; // of the network alone, in batches
};

struct EvaluationOptions {
    int frames = 0, size = 0;             // 0: what the model is for
    int batch = 0;                        // clips at a time; 0: by their size
    int grid = 0;                         // of patches that policies choose; 0: the model's
    bool reversed = false;                // also backwards
    std::optional<Unselected> unselected; // none: the model's
    Dtype dtype = Dtype::F32;
};

struct Evaluation {
    std::vector<CaseOutcome> cases;
    std::vector<std::string> blocks;
    std::vector<ClipFault> faults; // clips that could not be read, which no case has
    RunShape shape;
};

/// The batches that a model is run on, of `clips` clips in all.
RunShape evaluated_shape(const LoadedModel &model, const EvaluationOptions &options, size_t clips);

/// Throws Error, before anything is read, where a label is no class of the model, or UsageError where check_cases()
/// does. `progress(done)` is called as clips are done, of `evaluation_work()`.
Evaluation evaluate(const LoadedModel &model, KernelStore &kernels, const std::vector<ListedClip> &clips,
                    const ClipTruth &truth, const std::vector<EvaluationCase> &cases, const EvaluationOptions &options,
                    const std::function<void(size_t)> &progress);

} // namespace afnet
