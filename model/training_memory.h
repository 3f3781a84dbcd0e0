// What a step of training holds in memory, layer by layer. All of it is planned before the first step.
#pragma once

#include <string>
#include <vector>

#include "model/training_builder.h"

namespace afnet {

/// Bytes of one layer. What lies in the arena is counted as if it lay there alone.
struct LayerMemory {
    std::string layer;
    size_t activations = 0, gradients = 0; // in the arena; of the activations
    size_t parameters = 0;                 // with running statistics
    size_t parameter_gradients = 0;        // in the arena
    size_t optimizer = 0;                  // its memory, and moving averages
    size_t inputs = 0;                     // pixels, labels, random numbers
    size_t in_arena() const { return activations + gradients + parameter_gradients; }
    size_t outside() const { return parameters + optimizer + inputs; }
};

struct TrainingMemory {
    std::vector<LayerMemory> layers; // in the order in which they run
    LayerMemory sum;
    size_t arena = 0; // what the arena takes: tensors whose lives do not meet share memory
    size_t total() const { return arena + sum.outside(); }
};

/// `optimizer`: the tensors of `training` that are the optimiser's memory.
TrainingMemory training_memory(const TrainingPlan &training, const std::vector<TensorId> &optimizer);

/// A table in MiB, and JSON: {"stage", "total_bytes", "arena_bytes", "layers": [{"layer", "activations", ...}]}.
std::string memory_text(const std::string &stage, const TrainingMemory &memory);
std::string memory_json(const std::string &stage, const TrainingMemory &memory);

} // namespace afnet
