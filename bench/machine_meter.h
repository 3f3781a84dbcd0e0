// What the machine reaches at best while something is measured on it, and how results tell it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/load_guard.h"
#include "model/machine.h"

namespace afnet {

/// The best that one target's kernels reached with one number of threads.
struct PeakFigures {
    std::string target;
    int threads = 0;
    double fma_gmac_per_s = 0;
    MemoryRates memory;
};

/// What a GPU target's kernels ran on.
struct DeviceFigures {
    std::string target;
    std::string device, interface; // as its driver calls it; `cuda` or `opencl`
};

/// The machine of a result.
struct MachineFigures {
    std::string cpu;
    std::vector<DeviceFigures> devices; // beside it
    double memory_mib = 0;          // that memory was measured with
    std::vector<PeakFigures> peaks; // the best first
    Load load;
};

/// Measures peaks in turn with whatever else is measured, for one target and some numbers of threads. Sets the number
/// of kernel threads.
class MachineMeter {
public:
    MachineMeter(KernelStore &kernels, const std::vector<int> &threads);

    /// Some tens of milliseconds. Gives the best so far.
    double measure_fma(int threads);
    /// The same, but gives what the machine reached just now: clocks change while others' loads do. A measurement
    /// stands for 50 ms, since very short turns of what is compared with it would take less time than it does.
    double fma_now(int threads);
    /// Some passes over a large block of memory. Gives the best so far.
    const MemoryRates &measure_memory(int threads);
    void sweep_caches() { memory_.sweep(); }

    const PeakFigures &peak(int threads) const { return peaks_.at(threads); }
    /// Adds these peaks to a result's.
    void report(MachineFigures &figures) const;

private:
    /// The last measurement with one number of threads.
    struct Recent {
        double gmac_per_s = 0;
        std::chrono::steady_clock::time_point end;
    };

    std::map<int, std::unique_ptr<PeakMeter>> fma_;
    std::map<int, Recent> recent_;
    std::map<int, PeakFigures> peaks_;
    MemoryMeter memory_;
};

/// The object `machine` of every `afnet bench --json`. At least one peak is needed.
nlohmann::ordered_json machine_json(const MachineFigures &figures);
/// The same in lines for people.
std::string machine_text(const MachineFigures &figures);

/// Adds the device of a GPU target, which is opened; a CPU's adds nothing.
void add_device(MachineFigures &figures, const Target &target);

}  // namespace afnet
