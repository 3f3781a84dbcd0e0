// Times and what is said about them.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

namespace afnet {

double milliseconds(std::chrono::steady_clock::duration duration);

/// Order statistics of repeated measurements, in the measurements' unit.
struct Summary {
    double median = 0, p95 = 0, best = 0;
    size_t samples = 0;
};
Summary summarize(std::vector<double> samples);

/// Time that all threads of this process have spent on processors, in milliseconds. Over wall time it says how many
/// processors were at work: a system may put two threads on one.
double processor_milliseconds();

/// Runs all candidates in turn, A B C A B C …, so that drifts of the machine meet all alike, and gives each one's times
/// in milliseconds. Each candidate runs once unmeasured first. Stops after `rounds`, or once `seconds` have passed and
/// at least three rounds are done. `prepare`, where given, comes before each run of a candidate, outside of its time.
std::vector<std::vector<double>> interleave(const std::vector<std::function<void()>> &candidates, int rounds,
                                            double seconds, const std::function<void(size_t round)> &progress,
                                            const std::function<void(size_t candidate)> &prepare = nullptr);

}  // namespace afnet
