// Other programs: generators, linkers, and this program measuring a kernel. All of them may crash, hang or grow.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace afnet {

/// What a program may use; 0: without limit.
struct ProcessLimits {
    double seconds = 0;      // on the clock; past it the program and all that it started are killed
    size_t memory_bytes = 0; // of address space
};

/// How a program ended, and what it wrote.
struct ProcessResult {
    int status = 0;         // exit status; 128 + signal when a signal ended it; 127 when it could not be started
    int signal = 0;         // that ended it
    std::string output;     // standard output and standard error together, at most 1 MiB of it
    bool timed_out = false; // it was killed at the time limit
    double cpu_seconds = 0; // that it and what it waited for spent on processors; 0 where it was killed
};

/// Runs `arguments[0]` (looked for in PATH) to its end, in a process group of its own and without standard input. It
/// does not outlive this process. Throws Error when no process can be made, Interrupted (and kills it) after Ctrl-C.
ProcessResult run_process(const std::vector<std::string> &arguments, const ProcessLimits &limits = {});

} // namespace afnet
