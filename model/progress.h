// Progress of long work on standard error: a bar that redraws itself on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace afnet {

class Progress {
public:
    /// `quiet` shows nothing. Without a terminal a line appears at the start of every tenth of the work.
    Progress(std::string label, size_t total, bool quiet);
    ~Progress();

    /// `done` of the total are finished; `note` says what is being worked on. At most ten redraws a second.
    void update(size_t done, const std::string &note = "");

private:
    void draw(size_t done, const std::string &note);

    std::string label_;
    size_t total_;
    bool quiet_, terminal_;
    size_t next_line_ = 0;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point last_{};
};

}  // namespace afnet
