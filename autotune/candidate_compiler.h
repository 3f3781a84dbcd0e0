// Candidates to kernel libraries of one kernel each, through the cache that the build uses: a winner is then compiled
// already.
#pragma once

#include <string>
#include <vector>

#include "autotune/measurement.h"
#include "autotune/process.h"
#include "runtime/kernel_library.h"

namespace afnet {

/// What all candidates of a kernel are compiled with.
struct CandidateCompiler {
    KernelSpec kernel;
    Target target;
    std::string generators, cache;
    std::string scratch;  // folder that receives a folder for each candidate
    ProcessLimits limits; // of each generator
};

/// A candidate, compiled or not.
struct CompiledCandidate {
    std::string folder; // of its library
    Measurement state;  // knobs, and `code` and `resolved` where it was compiled; else the outcome and the detail
    bool compiled = false;
};

/// Compiles candidates, `jobs` at a time. A generator that fails is an outcome. Throws Error when generator, libHalide
/// or linker is missing, Interrupted after Ctrl-C.
std::vector<CompiledCandidate> compile_candidates(const CandidateCompiler &compiler,
                                                  const std::vector<Knobs> &candidates, int jobs);

} // namespace afnet
