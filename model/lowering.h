// From a network's description to a plan.
#pragma once

#include "model/description.h"
#include "model/plan_builder.h"

namespace afnet {

/// Lowers a network for clips of one shape. Any width and height of at least 32; T from `shape`, whatever T the
/// description's weights are for. Throws Error for a shape that the network cannot take.
LoweredNetwork lower(const ModelDescription &description, const RunShape &shape);

/// Every kernel that the network needs, each once: those of its plan and of its F(0) plans, for both meanings of
/// "unselected", and those without masks.
std::vector<KernelSpec> kernel_specs(const ModelDescription &description, Dtype dtype = Dtype::F32);

// Families; lower() chooses.
void lower_resnet(const ModelDescription &description, PlanBuilder &builder);
void lower_af_resnet(const ModelDescription &description, PlanBuilder &builder);
void lower_af_mobilenetv3(const ModelDescription &description, PlanBuilder &builder);

}  // namespace afnet
