#include "bench/load_guard.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace afnet {

namespace {

constexpr double kMuch = 0.05; // others' share from which figures are in doubt

double own_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval &t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

bool may_use(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return true;
    return processor < CPU_SETSIZE && CPU_ISSET(processor, &set);
}

double load_average() {
    double average = 0;
    std::ifstream("/proc/loadavg") >> average;
    return average;
}

}  // namespace

ProcessorTimes processor_times(const std::string &proc_stat, bool (*counts)(int processor)) {
    ProcessorTimes times;
    std::istringstream lines(proc_stat);
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind("cpu", 0) != 0 || line.size() < 4 || line[3] < '0' || line[3] > '9') continue;
        if (!counts(std::atoi(line.c_str() + 3))) continue;
        std::istringstream fields(line.substr(line.find(' ')));
        // user nice system idle iowait irq softirq steal; guests are counted in user and nice already.
        double ticks = 0;
        for (int field = 0; field < 8 && fields >> ticks; field++) {
            times.all += ticks;
            if (field != 3 && field != 4) times.busy += ticks;
        }
    }
    return times;
}

ProcessorTimes processor_times() {
    std::ifstream file("/proc/stat");
    std::ostringstream text;
    text << file.rdbuf();
    ProcessorTimes times = processor_times(text.str(), may_use);
    const double tick = 1.0 / double(std::max(1L, ::sysconf(_SC_CLK_TCK)));
    times.all *= tick;
    times.busy *= tick;
    times.own = own_seconds();
    return times;
}

double share_of_others(const ProcessorTimes &from, const ProcessorTimes &to) {
    const double all = to.all - from.all;
    if (all <= 0) return 0;
    return std::clamp(((to.busy - from.busy) - (to.own - from.own)) / all, 0.0, 1.0);
}

LoadGuard::LoadGuard(bool quiet) : quiet_(quiet) {
    load_.average = load_average();
    const ProcessorTimes before = processor_times();
    std::this_thread::sleep_for(std::chrono::milliseconds(330));
    begin_ = processor_times();
    load_.busy_before = share_of_others(before, begin_);
    if (quiet_ || load_.busy_before <= kMuch) return;
    std::fprintf(stderr, "bench: the machine is busy: others use %.0f %% of its processors; figures will be too low\n",
                 100 * load_.busy_before);
}

Load LoadGuard::finish() {
    load_.busy_share = share_of_others(begin_, processor_times());
    if (!quiet_ && load_.busy_share > kMuch) {
        std::fprintf(stderr,
                     "bench: others used %.0f %% of the processors meanwhile; measure again on an idle machine\n",
                     100 * load_.busy_share);
    }
    return load_;
}

}  // namespace afnet
