// What this machine is and can do at best, for figures that mean something elsewhere.
#pragma once

#include <string>
#include <vector>

#include "runtime/executor.h"

namespace afnet {

/// The kernel library of measurements, beside the models'.
constexpr const char *kMachineLibrary = "machine";
std::vector<KernelSpec> machine_specs();

/// The processor's name as the system gives it, e.g. `AMD EPYC 9B14`.
std::string cpu_name();

/// Measures multiply-accumulates per second with every thread busy in registers, in 1e9 (GMAC/s; GFLOP/s are twice
/// that): the best of several runs of a few milliseconds.
class PeakMeter {
public:
    PeakMeter(KernelStore &kernels, int threads);
    double measure();

private:
    Executor executor_;
    double macs_ = 0;
};

}  // namespace afnet
