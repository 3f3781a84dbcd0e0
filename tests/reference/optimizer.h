// Optimiser steps by their definition, in double, as PyTorch's documentation of SGD, Adam and AdamW states them.
#pragma once

#include <vector>

namespace afnet::reference {

using Vector = std::vector<double>;

struct SgdSettings {
    double rate, decay, momentum;
    bool nesterov;
};

/// One step, in place.
void sgd_step(const SgdSettings &settings, const Vector &gradient, Vector &parameter, Vector &momentum);

struct AdamSettings {
    double rate, decay, beta1, beta2, epsilon;
    bool decoupled; // AdamW
};

/// Step number `step`, counted from 1, in place.
void adam_step(const AdamSettings &settings, int step, const Vector &gradient, Vector &parameter, Vector &first,
               Vector &second);

} // namespace afnet::reference
