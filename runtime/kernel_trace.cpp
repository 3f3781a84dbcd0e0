#include "runtime/kernel_trace.h"

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <ostream>
#include <vector>

#include "runtime/file_io.h"
#include "runtime/json.h"

namespace afnet {

namespace {

struct Event {
    std::string label, kernel;
    int frames;
    double macs;
    double begin_us, duration_us;
};

std::mutex mutex;
std::vector<Event> events;

const char *trace_path() {
    static const char *path = std::getenv("AFNET_TRACE");
    return path && *path ? path : nullptr;
}

double microseconds(std::chrono::steady_clock::duration d) {
    return std::chrono::duration<double, std::micro>(d).count();
}

}  // namespace

bool tracing() {
    return trace_path() != nullptr;
}

void trace_step(const StepReport &report) {
    const std::lock_guard<std::mutex> lock(mutex);
    events.push_back({report.step->label, report.step->kernel.name(), report.frames,
                      report.step->macs * report.frames, microseconds(report.begin.time_since_epoch()),
                      microseconds(report.end - report.begin)});
}

void write_trace() {
    if (!tracing()) return;
    write_file(trace_path(), [](std::ostream &out) {
        out << "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [";
        const char *separator = "\n";
        for (const Event &event : events) {
            const double gmac_per_s = event.duration_us > 0 ? event.macs / event.duration_us / 1e3 : 0;
            const nlohmann::json line = {
                {"name", event.label}, {"cat", "kernel"}, {"ph", "X"}, {"pid", 1}, {"tid", 1}, {"ts", event.begin_us},
                {"dur", event.duration_us},
                {"args", {{"kernel", event.kernel}, {"frames", event.frames}, {"gmac_per_s", gmac_per_s}}}};
            out << separator << line.dump();
            separator = ",\n";
        }
        out << "\n]}\n";
    });
}

}  // namespace afnet
