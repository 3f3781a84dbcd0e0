// Two results of the same benchmark: what became slower or quicker beyond noise.
#pragma once

#include <string>
#include <vector>

#include "bench/result_file.h"

namespace afnet {

enum class Verdict {
    Same,   // within noise and threshold
    Slower, // a regression
    Quicker,
    Unclear, // too few samples to know the noise
};
std::string verdict_name(Verdict verdict);

/// A row that both results have.
struct ComparedRow {
    std::vector<std::pair<std::string, std::string>> identity;
    double ms_before = 0, ms_after = 0;
    double ratio = 1;         // after over before
    double low = 1, high = 1; // bounds of the ratio, by the noise of both medians
    Verdict verdict = Verdict::Same;
};

struct Comparison {
    std::vector<ComparedRow> rows; // in the order of the first result
    size_t only_before = 0, only_after = 0;
    std::vector<std::string> remarks; // what makes the comparison doubtful: other machines, load
    size_t count(Verdict verdict) const;
};

/// How far a median may be off by chance, as a fraction of it: twice its standard error, with the standard deviation
/// estimated from the distance between median and 95th percentile. More than `kMostSamples` count as so many, because
/// calls one behind the other are not independent. Negative where fewer than `kLeastSamples` tell nothing.
constexpr size_t kLeastSamples = 3, kMostSamples = 30;
double median_noise(const ResultRow &row);

/// Matches rows by all that identifies them. A row is slower where even the lower bound of its ratio is above
/// 1 + `threshold` (a fraction), and quicker where even the upper bound is below 1 / (1 + threshold). Throws Error
/// where no row is in both.
Comparison compare_results(const BenchResult &before, const BenchResult &after, double threshold);

}  // namespace afnet
