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

/// Bytes of the largest cache that the first processor uses, as the system tells; 0 where it does not.
size_t last_cache_bytes();

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

/// Bytes per second that kernels ask for; what a processor reads of a line before it is written is not counted.
struct MemoryRates {
    double read = 0; // reading alone
    double copy = 0; // reading as much as writing, both counted
    double best() const { return read > copy ? read : copy; }
};

/// Passes over more memory than caches hold, with all threads.
class MemoryMeter {
public:
    /// Takes four times the largest cache, within 64 MiB and 1 GiB and an eighth of the memory that is free.
    explicit MemoryMeter(KernelStore &kernels);

    /// The best of a few passes, after one to warm up.
    MemoryRates measure();
    /// One pass, which leaves caches without anything else.
    void sweep() { executor_.run(); }

    size_t bytes() const { return 2 * elements_ * sizeof(float); }

private:
    Executor executor_;
    size_t elements_ = 0; // that are read, and as many written
};

} // namespace afnet
