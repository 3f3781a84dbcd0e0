// `afnet tune` of a small network as a child process.
#pragma once

#include <string>
#include <vector>

#include "tests/program/program_run.h"
#include "tests/runtime/file_checks.h"

namespace afnet_test {

/// A tuning of the small network with files of its own; a few samples are enough for what is tested.
class Tuning {
public:
    /// `environment`: NAME=VALUE, besides what the tests inherit.
    explicit Tuning(Arguments environment = {});

    Arguments arguments(const std::string &kernels, const Arguments &more) const;
    ProgramRun run(const std::string &kernels, const Arguments &more) const;
    /// What it prints with --json; checks that it ends with `status` and leaves no temporary files.
    nlohmann::json document(const std::string &kernels, const Arguments &more, int status = 0) const;
    /// Its only row.
    nlohmann::json row(const std::string &kernels, const Arguments &more, int status = 0) const;

    std::string log() const { return folder_ / "log.jsonl"; }
    std::string records() const { return folder_ / "records"; }
    std::string cache() const { return folder_ / "cache"; }
    std::vector<nlohmann::json> log_lines() const;

private:
    ScratchFolder folder_;
    Arguments environment_;
};

} // namespace afnet_test
