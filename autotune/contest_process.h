// A contest of a kernel's variants in a process of its own: a variant may crash, hang or grow, and only its process
// ends. The process is this program with a command that help does not list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autotune/measurement.h"
#include "autotune/process.h"
#include "autotune/step_contest.h"
#include "autotune/workload.h"

namespace afnet {

/// What the process is asked to do.
struct ContestRequest {
    std::string kernel, target;
    std::vector<Occurrence> occurrences;
    std::vector<std::string> folders; // of kernel libraries: the automatic kernel's, then each candidate's
    std::string machine_folder;       // of the library that measures the machine's peak; it may be missing
    int threads = 0;
    uint64_t seed = 1;
    double tolerance = 2e-5; // largest difference from the automatic kernel, over its largest magnitude
    Rounds rounds;           // over all occurrences
};

/// What it answers. All times are sums over the occurrences, as often as each occurs.
struct ContestResult {
    Outcome outcome = Outcome::Failed;
    std::string detail;
    std::vector<double> differences;     // per candidate
    std::vector<std::vector<double>> ms; // the automatic kernel's, then each candidate's, one number per round
    double peak_gmac_per_s = 0;          // 0: not measured
};

/// Runs a contest in a process with limits; `scratch` is a folder for its files. Whatever becomes of the process is in
/// the result. Throws Interrupted.
ContestResult run_contest(const ContestRequest &request, const ProcessLimits &limits, const std::string &scratch);

/// What the end of a process that did not succeed means.
Outcome outcome_of(const ProcessResult &process);

/// The process's side: reads the request, measures, writes the result. Candidates that differ are not timed.
void answer_contest(const std::string &request_path, const std::string &result_path);

/// The command's name.
constexpr const char *kContestCommand = "tune-contest";

} // namespace afnet
