#include "bench/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

namespace afnet {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLeastRounds = 3;

}  // namespace

double milliseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

Summary summarize(std::vector<double> samples) {
    Summary summary;
    summary.samples = samples.size();
    if (samples.empty()) return summary;
    std::sort(samples.begin(), samples.end());
    const size_t n = samples.size();
    summary.best = samples.front();
    summary.median = (samples[(n - 1) / 2] + samples[n / 2]) / 2;
    summary.p95 = samples[std::min(n - 1, size_t(std::ceil(0.95 * double(n))) - 1)];
    return summary;
}

double processor_milliseconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) * 1e3 + double(time.tv_nsec) / 1e6;
}

std::vector<std::vector<double>> interleave(const std::vector<std::function<void()>> &candidates, int rounds,
                                            double seconds, const std::function<void(size_t round)> &progress,
                                            const std::function<void(size_t candidate)> &prepare) {
    std::vector<std::vector<double>> samples(candidates.size());
    for (size_t i = 0; i < candidates.size(); i++) {
        if (prepare) prepare(i);
        candidates[i]();
    }
    const auto begin = Clock::now();
    for (size_t round = 0; round < size_t(rounds); round++) {
        if (round >= kLeastRounds && milliseconds(Clock::now() - begin) > seconds * 1e3) break;
        progress(round);
        for (size_t i = 0; i < candidates.size(); i++) {
            if (prepare) prepare(i);
            const auto start = Clock::now();
            candidates[i]();
            samples[i].push_back(milliseconds(Clock::now() - start));
        }
    }
    return samples;
}

}  // namespace afnet
