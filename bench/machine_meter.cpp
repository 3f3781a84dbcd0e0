#include "bench/machine_meter.h"

#include <algorithm>

#include "model/text_table.h"
#include "runtime/device.h"
#include "runtime/halide_host.h"
#include "runtime/json.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr auto kPeakStands = std::chrono::milliseconds(50);

Json peak_json(const PeakFigures &peak) {
    return {{"target", peak.target},
            {"threads", peak.threads},
            {"fma_peak_gmac_per_s", peak.fma_gmac_per_s},
            {"memory_bytes_per_s", peak.memory.best()},
            {"memory_read_bytes_per_s", peak.memory.read},
            {"memory_copy_bytes_per_s", peak.memory.copy}};
}

} // namespace

MachineMeter::MachineMeter(KernelStore &kernels, const std::vector<int> &threads) : memory_(kernels) {
    for (int count : threads) {
        configure_halide(count);
        fma_[count] = std::make_unique<PeakMeter>(kernels, count);
        peaks_[count].target = kernels.target().name;
        peaks_[count].threads = count;
        measure_fma(count);
        measure_memory(count);
    }
}

double MachineMeter::measure_fma(int threads) {
    fma_now(threads);
    return peaks_.at(threads).fma_gmac_per_s;
}

double MachineMeter::fma_now(int threads) {
    configure_halide(threads);
    Recent &recent = recent_[threads];
    if (recent.gmac_per_s > 0 && Clock::now() - recent.end < kPeakStands) return recent.gmac_per_s;
    recent = {fma_.at(threads)->measure(), Clock::now()};
    double &best = peaks_.at(threads).fma_gmac_per_s;
    best = std::max(best, recent.gmac_per_s);
    return recent.gmac_per_s;
}

const MemoryRates &MachineMeter::measure_memory(int threads) {
    configure_halide(threads);
    const MemoryRates rates = memory_.measure();
    MemoryRates &best = peaks_.at(threads).memory;
    best.read = std::max(best.read, rates.read);
    best.copy = std::max(best.copy, rates.copy);
    return best;
}

void MachineMeter::report(MachineFigures &figures) const {
    figures.cpu = cpu_name();
    figures.memory_mib = double(memory_.bytes()) / (1 << 20);
    for (const auto &[threads, peak] : peaks_)
        figures.peaks.push_back(peak);
    std::stable_sort(figures.peaks.begin(), figures.peaks.end(),
                     [](const PeakFigures &a, const PeakFigures &b) { return a.fma_gmac_per_s > b.fma_gmac_per_s; });
}

void add_device(MachineFigures &figures, const Target &target) {
    if (target.gpu == GpuInterface::None) return;
    figures.devices.push_back({target.name, open_device(target.gpu).name, device_word(target.gpu)});
}

Json machine_json(const MachineFigures &figures) {
    Json machine = {{"cpu", figures.cpu}, {"devices", Json::array()}};
    for (const DeviceFigures &d : figures.devices)
        machine["devices"].push_back({{"target", d.target}, {"device", d.device}, {"interface", d.interface}});
    machine.update(peak_json(figures.peaks.at(0)));
    machine["memory_mib"] = figures.memory_mib;
    machine["load_average"] = figures.load.average;
    machine["busy_before"] = figures.load.busy_before;
    machine["busy_share"] = figures.load.busy_share;
    machine["peaks"] = Json::array();
    for (const PeakFigures &peak : figures.peaks)
        machine["peaks"].push_back(peak_json(peak));
    return machine;
}

std::string machine_text(const MachineFigures &figures) {
    std::string text = figures.cpu + "; others used " + decimal(100 * figures.load.busy_share, 0) +
                       " % of its processors, load average " + decimal(figures.load.average, 2) + "\n";
    for (const DeviceFigures &d : figures.devices)
        text += d.target + ": " + d.device + " (" + d.interface + "), whose peak is not measured\n";
    for (const PeakFigures &peak : figures.peaks) {
        text += peak.target + ", " + std::to_string(peak.threads) + (peak.threads == 1 ? " thread" : " threads") +
                ": FMA peak " + decimal(peak.fma_gmac_per_s, 1) + " GMAC/s (" + decimal(2 * peak.fma_gmac_per_s, 0) +
                " GFLOP/s), memory " + decimal(peak.memory.read / 1e9, 1) + " GB/s read, " +
                decimal(peak.memory.copy / 1e9, 1) + " GB/s copied\n";
    }
    return text;
}

} // namespace afnet
