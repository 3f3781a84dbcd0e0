// One network with closed-form weights on closed-form clips, run by its kernels and by the reference in double.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/patch_shape.h"
#include "runtime/target.h"
#include "tests/reference/network.h"

namespace afnet {

enum class Masks { Navigation, Noisy, None, All, Random };

/// Everything that fixes a run.
struct NetworkRun {
    ModelDescription description;
    RunShape shape;
    Masks masks = Masks::Navigation;
    uint64_t seed = 11;
    PatchShape patches = PatchShape::Random;  // where shape.forced_grid says that there are some
    double rs = .5;

    /// The masks that Masks says to force, [navigation][f]; empty where the navigation decides.
    std::vector<std::vector<int>> forced() const;
    /// The same for patches, [block][gx, gy, f].
    std::vector<std::vector<int>> forced_patches() const;
    size_t blocks() const;
    size_t navigations() const;
    std::string text() const;
};

/// A network of 16 channels behind the stem, with kernels of its own in the test libraries.
ModelDescription small_af_resnet(bool shift);
/// The same with soft weights of frames; of kernels, those for GPUs alone are in the test libraries.
ModelDescription small_soft_af_resnet();
/// The same of basic blocks, with kernels of its training in f64.
ModelDescription small_basic_af_resnet(bool shift);
/// Two clips of four frames of the first of these, of 40 x 33 pixels, with such masks.
NetworkRun small_run(bool shift, Masks masks, Unselected unselected = Unselected::Masked);

/// The reference's results by their names in golden files.
reference::Outputs expected_outputs(const NetworkRun &run);

/// The targets of the run's dtype that can be executed and have libraries with its kernels.
std::vector<Target> targets_for(const NetworkRun &run);

/// The network ready for its first run: weights packed, clips, masks and noise in place.
std::unique_ptr<Network> open_network(const NetworkRun &run, const Target &target);

/// Runs it, and gathers the same results: logits, clip_logits, masks, gate_margin, means and corners of all modules.
reference::Outputs outputs_of(Network &network);

}  // namespace afnet
