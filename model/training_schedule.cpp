#include "model/training_schedule.h"

#include <algorithm>
#include <cmath>

namespace afnet {

namespace {

constexpr double kPi = 3.14159265358979323846;

double falling_cosine(double fraction) {
    return 0.5 * (1 + std::cos(kPi * std::clamp(fraction, 0.0, 1.0)));
}

}  // namespace

double rate_at(const RateSchedule &schedule, const TrainingClock &clock) {
    const double warm = schedule.warm_up * double(clock.steps);
    if (double(clock.step) < warm) return schedule.rate * double(clock.step + 1) / std::max(warm, 1.0);
    if (schedule.shape == "cosine") {
        const double rest = double(clock.steps) - warm;
        return schedule.rate * falling_cosine((double(clock.step) - warm) / std::max(rest, 1.0));
    }
    double rate = schedule.rate;
    if (schedule.shape == "step") {
        for (int epoch : schedule.drops) rate *= clock.epoch() >= epoch ? 0.1 : 1;
    }
    return rate;
}

double gate_rate_factor_at(double decay_from, const TrainingClock &clock) {
    const double fraction = clock.fraction();
    if (decay_from >= 1 || fraction <= decay_from) return 1;
    return (1 - fraction) / (1 - decay_from);
}

double ratio_at(const RatioSchedule &schedule, const TrainingClock &clock) {
    const double gap = 1 - schedule.ratio;
    if (schedule.shape == "linear") {
        const double length = std::max(schedule.end - schedule.begin, 1e-9);
        return 1 - gap * std::clamp((clock.fraction() - schedule.begin) / length, 0.0, 1.0);
    }
    const double epoch = double(clock.epoch());
    if (epoch < schedule.begin) return 1;
    if (epoch < (schedule.begin + schedule.end) / 2) return schedule.ratio + gap * 2 / 3;
    if (epoch < schedule.end) return schedule.ratio + gap / 3;
    return schedule.ratio;
}

double temperature_at(const TemperatureSchedule &schedule, const TrainingClock &clock) {
    const double length = schedule.end < 1 ? schedule.end * double(clock.steps)
                                           : schedule.end * double(clock.steps_per_epoch);
    const double fraction = std::clamp(double(clock.step) / std::max(length, 1.0), 0.0, 1.0);
    if (schedule.shape == "linear") return schedule.first + (schedule.last - schedule.first) * fraction;
    if (schedule.shape == "cosine") {
        return schedule.last + (schedule.first - schedule.last) * falling_cosine(fraction);
    }
    return schedule.first * std::pow(schedule.last / schedule.first, fraction);
}

}  // namespace afnet
