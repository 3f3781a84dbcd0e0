#include "bench/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "model/text_table.h"
#include "runtime/error.h"

namespace afnet {

namespace {

constexpr double kBusy = 0.05; // share of others from which a result is in doubt

// Rows of equal identity, in order: a model that was named twice, say.
using Places = std::map<std::pair<std::vector<std::pair<std::string, std::string>>, size_t>, const ResultRow *>;

Places places_of(const BenchResult &result) {
    std::map<std::vector<std::pair<std::string, std::string>>, size_t> seen;
    Places places;
    for (const ResultRow &row : result.rows)
        places[{row.identity, seen[row.identity]++}] = &row;
    return places;
}

Verdict verdict_of(const ComparedRow &row, double threshold) {
    if (row.low > 1 + threshold) return Verdict::Slower;
    if (row.high < 1 / (1 + threshold)) return Verdict::Quicker;
    return Verdict::Same;
}

ComparedRow compared(const ResultRow &before, const ResultRow &after, double threshold) {
    ComparedRow row;
    row.identity = before.identity;
    row.ms_before = before.ms_median;
    row.ms_after = after.ms_median;
    row.ratio = row.low = row.high = after.ms_median / before.ms_median;
    const double a = median_noise(before), b = median_noise(after);
    if (a < 0 || b < 0) {
        row.verdict = Verdict::Unclear;
        return row;
    }
    const double noise = std::hypot(a, b);
    row.low = row.ratio / (1 + noise);
    row.high = row.ratio * (1 + noise);
    row.verdict = verdict_of(row, threshold);
    return row;
}

std::vector<std::string> remarks_on(const BenchResult &before, const BenchResult &after) {
    std::vector<std::string> remarks;
    const auto differs = [&](const char *what, const std::string &a, const std::string &b) {
        if (a != b)
            remarks.push_back(std::string("the machines differ: ") + what + " " + a + " before, " + b + " after");
    };
    const ResultMachine &a = before.machine, &b = after.machine;
    differs("processor", a.cpu, b.cpu);
    const auto named = [](const ResultMachine &m) { return m.devices.empty() ? "none" : m.devices; };
    differs("device", named(a), named(b));
    differs("target", a.target, b.target);
    differs("threads", std::to_string(a.threads), std::to_string(b.threads));
    for (const BenchResult *result : {&before, &after}) {
        if (result->machine.busy_share <= kBusy) continue;
        remarks.push_back(result->path + ": others used " + decimal(100 * result->machine.busy_share, 0) +
                          " % of the processors");
    }
    return remarks;
}

}  // namespace

std::string verdict_name(Verdict verdict) {
    switch (verdict) {
    case Verdict::Same:
        return "same";
    case Verdict::Slower:
        return "slower";
    case Verdict::Quicker:
        return "quicker";
    case Verdict::Unclear:
        return "unclear";
    }
    return "";
}

size_t Comparison::count(Verdict verdict) const {
    return size_t(std::count_if(rows.begin(), rows.end(), [&](const ComparedRow &r) { return r.verdict == verdict; }));
}

double median_noise(const ResultRow &row) {
    if (row.samples > 0 && row.samples < kLeastSamples) return -1;
    // Of a normal distribution the 95th percentile lies 1.645 deviations above the median, and the median of n samples
    // has a standard error of 1.2533 deviations over sqrt(n).
    const double deviation = (row.ms_p95 / row.ms_median - 1) / 1.645;
    return 2 * 1.2533 * deviation / std::sqrt(double(std::clamp(row.samples, size_t(1), kMostSamples)));
}

Comparison compare_results(const BenchResult &before, const BenchResult &after, double threshold) {
    Comparison comparison;
    comparison.remarks = remarks_on(before, after);
    Places theirs = places_of(after);
    std::map<std::vector<std::pair<std::string, std::string>>, size_t> seen;
    for (const ResultRow &row : before.rows) {
        const auto match = theirs.find({row.identity, seen[row.identity]++});
        if (match == theirs.end()) {
            comparison.only_before++;
            continue;
        }
        comparison.rows.push_back(compared(row, *match->second, threshold));
        theirs.erase(match);
    }
    comparison.only_after = theirs.size();
    if (comparison.rows.empty()) {
        throw Error(after.path + ": no row measures what a row of " + before.path +
                    " does; results of the same command with the same options are needed");
    }
    return comparison;
}

}  // namespace afnet
