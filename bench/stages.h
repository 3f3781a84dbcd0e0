// Where in a network a step belongs: its stage, and what the stage does there.
#pragma once

#include <string>
#include <vector>

#include "runtime/plan.h"

namespace afnet {

/// The stage of a step, by its layer: `stem`; `layer1` and so on, or `features_<name>`; `head`, everything behind the
/// last stage; `lists`, the list of all frames, which shifting layers of all stages read.
std::string stage_of(const Step &step);

/// What a step is for:
///   stem            the first convolution, and its pool
///   plain           blocks outside adaptive stages
///   ample, focal    the branches; `focal` where a mask governs
///   focal shortcut  the focal branch's projections, of all frames
///   unselected      F(0) for frames that are not selected
///   navigation      means, gates and work lists
///   fusion          weights of the fusion, and the fusion
///   fusion block    the block behind it
///   head            pool, classifier and consensus
std::string kind_of(const Step &step);

/// Whether a step is a convolution that is not part of the stem: those that the machine's peak is the measure of.
bool counts_as_convolution(const Step &step);

}  // namespace afnet
