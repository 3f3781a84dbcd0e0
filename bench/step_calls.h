// Timed calls of one step.
#pragma once

#include <functional>
#include <vector>

#include "model/isolated_step.h"

namespace afnet {

/// Calls of one step, with what it updates in place renewed now and then.
class StepCalls {
public:
    explicit StepCalls(IsolatedStep &step);

    /// At least two calls, until time is up. `before`, where given, runs before each, outside of what is timed.
    void turn(double seconds, const std::function<void()> &before = nullptr);

    std::vector<double> ms;               // of each call
    double wall_ms = 0, processor_ms = 0; // of those without `before`

private:
    IsolatedStep &step_;
    TensorMemory updated_;
    std::vector<unsigned char> original_;
};

} // namespace afnet
