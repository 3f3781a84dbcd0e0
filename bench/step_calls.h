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

    /// At least two calls, until time is up. `before`, where given, runs before each, outside of what is timed. On a
    /// device a time is the mean of as many calls as take some milliseconds: they are handed over one behind the other
    /// and waited for once. Nothing runs before them then.
    void turn(double seconds, const std::function<void()> &before = nullptr);

    std::vector<double> ms;               // of each call
    double wall_ms = 0, processor_ms = 0; // of those without `before`, on a CPU

private:
    void renew();
    void sample_on_device();
    void call(const std::function<void()> &before);

    IsolatedStep &step_;
    std::vector<unsigned char> original_; // what it updates in place; empty where it does not
    int runs_ = 0;                        // on a device: of a sample
};

} // namespace afnet
