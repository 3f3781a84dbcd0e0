// How the steps of a network with masks correspond to those of the same network without: which are gated by which focal
// block, and which are there for the masks' sake.
#pragma once

#include <string>
#include <vector>

#include "model/plan_builder.h"

namespace afnet {

/// What a step is to dynamic sparsity.
enum class StepRole {
    Navigation,     // decides: a mean over pixels and the gate
    IndexBuilding,  // makes a mask into a work list
    Gather,         // gated, reads the listed frames
    Compact,        // gated, between gather and scatter
    Scatter,        // gated, adds onto the listed frames
    Fill,           // gives unselected frames their F(0)
    Ungated,        // computes all frames, with and without masks
};
constexpr StepRole kStepRoles[] = {StepRole::Navigation, StepRole::IndexBuilding, StepRole::Gather, StepRole::Compact,
                                   StepRole::Scatter,    StepRole::Fill,          StepRole::Ungated};

struct StepPlace {
    StepRole role = StepRole::Ungated;
    int block = -1;  // index of the masked network's selections; -1: none
};

/// Roles of all steps of both networks. A step of the network without masks has the role of the step of the same label,
/// so that the times of both can be set against each other.
struct StepRoles {
    std::vector<StepPlace> masked, dense;
};
StepRoles step_roles(const LoweredNetwork &masked, const LoweredNetwork &dense);

}  // namespace afnet
