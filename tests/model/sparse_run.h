// A small network under sparse training, and what tests ask of it: masks of frames and of patches by functions,
// gradients against differences, and how far results lie apart.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/recipe.h"
#include "model/training_network.h"

namespace afnet {

/// Whether a block selects a frame; and a patch of it.
using Choice = std::function<int(size_t block, size_t frame)>;
using PatchChoice = std::function<int(size_t block, size_t frame, int column, int row)>;

int none(size_t block, size_t frame);
int all(size_t block, size_t frame);
int some(size_t block, size_t frame);

/// Clips of three frames of 32x32 pixels in five classes.
struct SparseRun {
    std::string model = "af_tiny_tsm";
    Unselected unselected = Unselected::Skipped;
    Choice masks = some; // none: the navigation's own
    std::string space;   // masks in space: `spatial`, `both`; empty: none
    int grid = 3;
    bool shared = false; // one temporal mask for all blocks: that of the first
    PatchChoice patches; // none: the navigation's own
    int clips = 2;
    Dtype dtype = Dtype::F64;
    TrainingChoices choices;
};

ModelDescription description_of(const SparseRun &run);
RunShape shape_of(const SparseRun &run);
std::vector<int> mask_of(const SparseRun &run, size_t block);
/// [column, row, f]
std::vector<int> patches_of(const SparseRun &run, size_t block);
/// The frames of the first clips do not depend on how many follow.
void set_frames(const SparseRun &run, const std::function<void(int frame, const float *pixels)> &set);

struct SparselyTrained {
    explicit SparselyTrained(const SparseRun &run);

    /// Other masks, or noise.
    void select(const SparseRun &run);
    /// With the recipe's weights.
    StepResult pass(const Executor::Observer &observer = nullptr);
    const TrainedParameter &parameter(const std::string &key);

    KernelStore kernels;
    TrainingNetwork network;
};

bool is_gate(const std::string &key);
/// Of a focal branch: what only selected frames go through.
bool in_branch(const std::string &key);

/// The gradient against central differences, in f64. One parameter of many moves, as its gradient points, so that
/// nothing cancels, and so little that the loss does not bend.
void check_differences(const SparseRun &run);

/// With everything selected: loss, gradients and running statistics are those of `masked` training, but for gates.
void check_equals_masked(SparseRun run);

double norm(const std::vector<double> &values);
double distance(const std::vector<double> &a, const std::vector<double> &b);
/// Relative, of numbers that floats hold.
double largest_difference(const std::vector<float> &a, const std::vector<float> &b);

} // namespace afnet
