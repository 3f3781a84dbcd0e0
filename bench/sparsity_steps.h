// How the steps of a network with masks correspond to those of the same network without: which are gated by which focal
// block, and which are there for the masks' sake.
#pragma once

#include <string>
#include <vector>

#include "model/plan_builder.h"

namespace afnet {

/// What a step is to dynamic sparsity.
enum class StepRole {
    Navigation,      // decides on frames: a mean over pixels and the gate
    PatchNavigation, // decides on patches
    IndexBuilding,   // makes a mask into a work list
    PatchChoice,     // whether a block computes its patches by lists, or all pixels
    PatchLists,      // makes a mask in space into lists of points and tiles
    Gather,          // gated, reads the listed frames or points
    Compact,         // gated, between gather and scatter
    Scatter,         // gated, adds onto the listed frames or points
    Fill,            // gives unselected frames their F(0), unselected pixels their bias; clears them between layers
    Ungated,         // computes all frames, with and without masks
};
constexpr StepRole kStepRoles[] = {StepRole::Navigation,  StepRole::PatchNavigation, StepRole::IndexBuilding,
                                   StepRole::PatchChoice, StepRole::PatchLists,      StepRole::Gather,
                                   StepRole::Compact,     StepRole::Scatter,         StepRole::Fill,
                                   StepRole::Ungated};

/// Whether focal blocks compute by it what masks select.
bool is_gated(StepRole role);
/// Whether it is there for masks in space alone.
bool is_of_patches(StepRole role);

struct StepPlace {
    StepRole role = StepRole::Ungated;
    int block = -1; // index of masked_blocks(); -1: none
};

/// A focal block with masks in space.
struct BlockMap {
    int width = 0, height = 0; // pixels that a mask is for
    double break_even = 1;     // part of selected pixels above which its plan computes all of them
};
/// Of each of masked_blocks(); the network has masks in space.
std::vector<BlockMap> block_maps(const LoweredNetwork &network);

/// Roles of all steps of both networks. A step of the network without masks has the role of the step of the same label,
/// so that the times of both can be set against each other.
struct StepRoles {
    std::vector<StepPlace> masked, dense;
};
StepRoles step_roles(const LoweredNetwork &masked, const LoweredNetwork &dense);

} // namespace afnet
