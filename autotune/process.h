// Other programs: generators and linkers.
#pragma once

#include <string>
#include <vector>

namespace afnet {

/// How a program ended, and what it wrote.
struct ProcessResult {
    int status = 0;      // exit status; 128 + signal when a signal ended it; 127 when it could not be started
    std::string output;  // standard output and standard error together
};

/// Runs `arguments[0]` (looked for in PATH) to its end. Throws Error when no process can be made.
ProcessResult run_process(const std::vector<std::string> &arguments);

}  // namespace afnet
