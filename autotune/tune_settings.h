// What all kernels of a tuning run have in common.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "autotune/process.h"
#include "autotune/step_contest.h"
#include "runtime/target.h"

namespace afnet {

/// How all kernels of a run are tuned.
struct TuneSettings {
    Target target;
    std::string device;                     // that the target's kernels run on, as its driver calls it; empty: the CPU
    VendorPolicy vendor{VendorPolicy::Use::Never, VendorRounding::F32}; // Everywhere: vendors' kernels are candidates
    std::string generators, cache, scratch; // folders; `scratch` exists and is empty
    std::string records;                    // folder of records; winners go there
    std::string machine_folder;             // of the library that measures the machine's peak
    std::string strategy;                   // empty: exhaustive where the space fits the budget, else random
    std::vector<std::string> only;          // restrictions of search spaces
    uint64_t seed = 1;
    int threads = 1, jobs = 1;
    ProcessLimits limits{60, size_t(4) << 30}; // of each generator and of each measuring process
    double tolerance = 2e-5;                   // of outputs: ContestRequest
    double least_gain = 0.02;                  // of a winner, a fraction of the time
    size_t finalists = 3;                      // that are measured again, besides the record
    Rounds search_rounds{9, 1}, final_rounds{25, 6};

    bool on_device() const { return target.gpu != GpuInterface::None; }
    /// What kernels are measured on, as logs, records and results say it: `cpu` and `threads`, or `device` and
    /// `interface`, which a CPU's threads make no difference to.
    nlohmann::ordered_json machine() const;
    /// Of a measuring process. One that opens a device has no limit of address space: drivers reserve more of it than
    /// there is memory.
    ProcessLimits measuring_limits() const;
};

} // namespace afnet
