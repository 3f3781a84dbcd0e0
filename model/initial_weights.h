// Weights to begin training with.
#pragma once

#include <cstdint>

#include "model/description.h"
#include "model/weights.h"

namespace afnet {

struct InitialWeights {
    uint64_t seed = 1;
    // Biases of each gate's two categories. The authors' make it select nearly always (keep - drop = 9), which short
    // training does not undo: see docs/training.md.
    double drop_bias = 1, keep_bias = 10;
    double classifier_deviation = 0.001;
};

/// AFNET_SPEC §2.11: convolutions normal with variance 2 / (k^2 outputs), BatchNorm scales 1 but 0 at the end of
/// residual branches that all frames have, gates' linears and the classifier normal and small. The elements of a
/// parameter follow from the seed and its key.
Weights initial_weights(const ModelDescription &description, const InitialWeights &choices);

}  // namespace afnet
