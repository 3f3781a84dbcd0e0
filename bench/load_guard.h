// Whether this program has the machine to itself while it measures.
#pragma once

#include <string>

namespace afnet {

/// How busy others were. Shares are of the time of the processors that this process may use, 0 to 1.
struct Load {
    double average = 0;     // the system's load average of the minute before
    double busy_before = 0; // share that was in use before the measurement
    double busy_share = 0;  // share that others used during the measurement
};

/// What processors have done since the system started, and what this process has, in seconds.
struct ProcessorTimes {
    double all = 0, busy = 0, own = 0;
};

/// Sums the lines of /proc/stat for the processors that `counts` gives true for: idle time is idle and waiting for
/// input or output, everything else is busy, time that a hypervisor took away included.
ProcessorTimes processor_times(const std::string &proc_stat, bool (*counts)(int processor));
ProcessorTimes processor_times();

/// Share that others than this process used between two looks; 0 where no time has passed.
double share_of_others(const ProcessorTimes &from, const ProcessorTimes &to);

class LoadGuard {
public:
    /// Looks at the machine for a third of a second; warns on standard error when it is busy, unless `quiet`.
    explicit LoadGuard(bool quiet);

    /// What others did since then; warns again when it was much.
    Load finish();

private:
    bool quiet_;
    Load load_;
    ProcessorTimes begin_;
};

}  // namespace afnet
