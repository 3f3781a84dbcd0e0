#include "tests/autotune/tuning_run.h"

#include <filesystem>
#include <fstream>

namespace afnet_test {

using Json = nlohmann::json;

Tuning::Tuning(Arguments environment) : environment_(std::move(environment)) {
    std::filesystem::create_directory(folder_ / "records");
    std::filesystem::create_directory(folder_ / "tmp");
    environment_.push_back("TMPDIR=" + (folder_ / "tmp"));
}

Arguments Tuning::arguments(const std::string &kernels, const Arguments &more) const {
    Arguments all = {"tune",      "--kernels", kernels,    "--model", fixture("models/small_af_resnet.json"),
                     "--size",    "64",        "--rounds", "3",       "--final-rounds",
                     "3",         "--threads", "1",        "--log",   log(),
                     "--records", records()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

ProgramRun Tuning::run(const std::string &kernels, const Arguments &more) const {
    Circumstances circumstances;
    circumstances.environment = environment_;
    circumstances.seconds = 400;
    return run_program(arguments(kernels, more), circumstances);
}

Json Tuning::document(const std::string &kernels, const Arguments &more, int status) const {
    Arguments all = {"--json"};
    all.insert(all.end(), more.begin(), more.end());
    const ProgramRun result = run(kernels, all);
    INFO(result.err);
    CHECK(result.status == status);
    CHECK(names_in(folder_ / "tmp").empty());
    REQUIRE(Json::accept(result.out));
    return Json::parse(result.out);
}

Json Tuning::row(const std::string &kernels, const Arguments &more, int status) const {
    const Json all = document(kernels, more, status);
    REQUIRE(all.at("rows").size() == 1);
    return all.at("rows")[0];
}

std::vector<Json> Tuning::log_lines() const {
    std::vector<Json> lines;
    std::ifstream in(log());
    for (std::string line; std::getline(in, line);)
        lines.push_back(Json::parse(line));
    return lines;
}

} // namespace afnet_test
