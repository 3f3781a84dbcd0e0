// The search for one kernel's knobs: proposes, compiles, measures, logs, and lets the best meet the automatic knobs
// again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "autotune/budget.h"
#include "autotune/tune_settings.h"
#include "autotune/tuning_log.h"
#include "autotune/workload.h"
#include "runtime/json.h"

namespace afnet {

enum class RecordFate {
    None,    // there is none: nothing beat the automatic knobs
    Kept,    // nothing beat it
    Written, // there was none
    Replaced,
    Slower,   // kept, but the automatic knobs beat it
    Unusable, // kept, but its knobs do not compile, or its kernel fails
};
std::string fate_name(RecordFate fate);

/// What is known about a kernel after its search.
struct TuneResult {
    std::string kernel, fault; // fault: why it was not tuned; empty where it was
    bool failed = false;       // the fault is one: not merely a kernel without knobs
    nlohmann::ordered_json shapes;
    uint64_t space = 0;                     // points
    size_t tried = 0, measured_now = 0;     // candidates; of these not from the log
    std::map<std::string, size_t> outcomes; // of the tried ones, by name
    double automatic_ms = 0, best_ms = 0;   // medians
    double gain = 0;                        // 1 - median paired ratio of the best and the automatic kernel
    double peak_share = 0;                  // of the best; 0: no MACs, or no peak measured
    Knobs best;                             // empty: automatic
    RecordFate record = RecordFate::None;
};

/// Where a search is.
struct TuneProgress {
    size_t done = 0, most = 0; // candidates; `most`: that can be tried at all
    double best_ratio = 1;     // to the automatic kernel
    double seconds_left = -1;  // of this kernel's search; -1: not known yet
};
using TuneObserver = std::function<void(const TuneProgress &)>;

/// Tunes one kernel. `budget.seconds` are this kernel's. Candidates that the log has for this generator, libHalide,
/// target, CPU, number of threads and workload are taken from there, and count as if they were measured now. Writes
/// the record where there is a winner. Throws Error when nothing can be compiled at all, or a file cannot be written,
/// Interrupted after Ctrl-C; the log then holds all that was measured.
TuneResult tune_kernel(const Workload &workload, const Budget &budget, const TuneSettings &settings, TuningLog &log,
                       const TuneObserver &observer);

} // namespace afnet
