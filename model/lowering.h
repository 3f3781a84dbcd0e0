// From a network's description to a plan.
#pragma once

#include "model/description.h"
#include "model/plan_builder.h"
#include "model/training_builder.h"
#include "runtime/target.h"

namespace afnet {

/// The shape with what the target of its kernels asks of the plan: RunShape::on_gpu.
RunShape for_target(RunShape shape, const Target &target);
/// The same, and RunShape::shift_apart where these kernels' policy has vendors' libraries serve all that they can.
RunShape for_kernels(RunShape shape, const KernelStore &kernels);

/// Lowers a network for clips of one shape. Any width and height of at least 32; T from `shape`, whatever T the
/// description's weights are for. Throws Error for a shape that the network cannot take.
LoweredNetwork lower(const ModelDescription &description, const RunShape &shape);

/// Lowers a network to a plan that trains it on clips of one shape: see model/training_builder.h. Throws as lower().
TrainingPlan lower_training(const ModelDescription &description, const RunShape &shape, TrainingChoices choices);

/// Every kernel that runs of these shapes need on a GPU, each once: those of their plans and of their F(0) plans.
/// Throws as lower().
std::vector<KernelSpec> gpu_kernels_of(const ModelDescription &description, const std::vector<RunShape> &shapes);

/// Every kernel that the network needs on a CPU or on a GPU, each once: those of its plan and of its F(0) plans, for
/// both meanings of "unselected", and those without masks.
std::vector<KernelSpec> kernel_specs(const ModelDescription &description, Dtype dtype = Dtype::F32,
                                     bool on_gpu = false);

/// Says the network in a builder's vocabulary: what lower() and lower_training() do with theirs.
void lower_with(NetworkBuilder &builder, const ModelDescription &description);

// Families; lower_with() chooses.
void lower_resnet(const ModelDescription &description, NetworkBuilder &builder);
void lower_af_resnet(const ModelDescription &description, NetworkBuilder &builder);
void lower_af_mobilenetv3(const ModelDescription &description, NetworkBuilder &builder);

}  // namespace afnet
