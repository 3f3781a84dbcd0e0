// How quick a variant's kernels are on the shapes that a model runs them on.
#pragma once

#include <string>
#include <vector>

#include "bench/run_options.h"
#include "bench/codegen/kernel_code.h"

namespace afnet {

struct SpeedRequest {
    std::string model;          // shipped, or a weights file
    int frames = 0, size = 224; // of clips, as `afnet bench kernels` takes them
    int threads = 1;
    double seconds = 0.1; // per kernel and shape, at the least
    std::string generators, records, cache;
    std::string scratch; // folder that receives the variant's kernel library
    int jobs = 1;
    bool quiet = false;
};

/// Compiles the variant's kernels, through the build's cache, and measures in turn with the machine's peak those that
/// the model runs: `codes` of one variant receive their speed. Lists hold all frames. Throws Error for a target that
/// does not run here.
void measure_speed(const SpeedRequest &request, const Variant &variant, const std::vector<KernelCode *> &codes);

} // namespace afnet
