// The program as a child process: how it is started, what it wrote and how it ended.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "runtime/json.h"

namespace afnet_test {

using Arguments = std::vector<std::string>;

/// Circumstances of a run.
struct Circumstances {
    Arguments launcher;                    // what starts the program, with options of its own; empty: nothing does
    std::vector<std::string> environment;  // NAME=VALUE, besides what the tests inherit
    std::string input = "/dev/null";       // file or fifo that is standard input
    std::string output;                    // file that is standard output; empty: it is kept in the result
    std::optional<uint64_t> file_bytes;    // no file may grow beyond that, as on a full disk
    double seconds = 120;                  // time limit: the program is killed, and the test fails
};

/// A run that has ended.
struct ProgramRun {
    int status = 0;        // exit status, or minus the number of the signal that ended it
    std::string out, err;  // standard output and standard error
    double seconds = 0;

    /// Standard output as JSON lines; fails the test where it holds anything else.
    std::vector<nlohmann::json> json_lines() const;
};

/// A run that may still go on.
class ProgramChild {
public:
    explicit ProgramChild(const Arguments &arguments, const Circumstances &circumstances = {});
    ~ProgramChild();
    ProgramChild(const ProgramChild &) = delete;
    ProgramChild &operator=(const ProgramChild &) = delete;

    /// Waits until the program has written `text`; fails the test when that does not happen in time.
    void wait_for(const std::string &text);
    void send(int signal) const;
    pid_t process() const { return child_; }
    ProgramRun finish();

private:
    using Clock = std::chrono::steady_clock;
    bool read_more();

    ProgramRun run_;
    pid_t child_ = -1;
    int out_ = -1, err_ = -1;  // -1: at its end
    Clock::time_point begin_, limit_;
};

/// Runs the program to its end.
ProgramRun run_program(const Arguments &arguments, const Circumstances &circumstances = {});

/// `classify` with a small network that every build with image codecs has kernels of, and `more` arguments.
Arguments classifying(const Arguments &more);

/// Runs that.
ProgramRun classified(const Arguments &more, const Circumstances &circumstances = {});

/// The tests' own kernels have those of small networks (tests/fixtures/models).
Circumstances with_test_kernels();

/// Runs `eval` of a small network's weights on a list of clips, with `more` arguments.
ProgramRun evaluated_small(const std::string &model, const std::string &list, const Arguments &more = {});

/// Checks that a run failed as it should: exit `status`, and one message, maybe with a list below it, that has `part`
/// in it.
void check_refusal(const ProgramRun &run, int status, const std::string &part);

/// Names of what is in a folder, sorted.
std::vector<std::string> names_in(const std::string &folder);

}  // namespace afnet_test
