// What changes in the course of a training stage: learning rate, target ratio of selected frames, temperature of the
// gates (AFNET_SPEC §5.2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace afnet {

/// Where a stage is.
struct TrainingClock {
    int64_t step = 0, steps = 1;    // of the stage
    int64_t steps_per_epoch = 1;
    int64_t epoch() const { return step / steps_per_epoch; }
    double fraction() const { return double(step) / double(steps); }
};

struct RateSchedule {
    double rate = 0.01;
    std::string shape = "step";          // step, cosine, constant
    std::vector<int> drops = {25, 45};   // step: epochs from which the rate is a tenth of what it was
    double warm_up = 0;                  // fraction of the stage over which the rate rises from nothing
};
double rate_at(const RateSchedule &schedule, const TrainingClock &clock);

/// A factor for rates that parameters have of their own: 1, and from `decay_from` on linearly down to 0.
double gate_rate_factor_at(double decay_from, const TrainingClock &clock);

struct RatioSchedule {
    double ratio = 0.5;                // where it ends; begins at 1
    std::string shape = "step";        // step: by thirds at `begin`, the middle, and `end`, in epochs; linear: fractions
    double begin = 10, end = 20;
};
double ratio_at(const RatioSchedule &schedule, const TrainingClock &clock);

struct TemperatureSchedule {
    double first = 1, last = 0.01;
    std::string shape = "exponential";  // exponential, cosine, linear
    double end = 50;                    // epochs after which it stays; below 1: a fraction of the stage
};
double temperature_at(const TemperatureSchedule &schedule, const TrainingClock &clock);

}  // namespace afnet
