// A target of the user's own, from a file to a kernel library.
#include <fstream>

#include "tests/program/program_run.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

std::string written(const afnet::TemporaryFolder &folder, const std::string &name, const std::string &text) {
    const std::string path = folder.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
}

} // namespace

TEST_CASE("kernels are compiled for a target of the user's own", "[program_target_file]") {
    const afnet::TemporaryFolder folder;
    const std::string file = written(folder, "mine.json", R"({"targets": [
        {"name": "x86-64-avx", "halide": "x86-64-linux-sse41-avx", "features": ["sse41", "avx"]},
        {"name": "future", "halide": "x86-64-linux", "features": ["thought"]}]})");
    const std::string specs =
        written(folder, "specs.json", R"([{"generator": "spatial_mean", "params": {"upsample": "false"}}])");
    Circumstances mine;
    mine.environment = {"AFNET_TARGET_FILE=" + file};
    const std::string kernels = folder.path() + "/kernels";
    const ProgramRun compiled = run_program({"compile", "--quiet", "--specs", specs, "--name", "one", "--target",
                                             "x86-64-avx", "--output", kernels, "--cache", folder.path() + "/cache"},
                                            mine);
    INFO(compiled.err);
    REQUIRE(compiled.status == 0);
    const auto names = names_in(kernels);
    CHECK(std::count(names.begin(), names.end(), "one.x86-64-avx.so") == 1);

    mine.environment.push_back("AFNET_KERNELS=" + kernels);
    const ProgramRun info = run_program({"info", "--json"}, mine);
    REQUIRE(info.status == 0);
    const auto document = nlohmann::json::parse(info.out);
    for (const auto &target : document.at("targets")) {
        if (target.at("name") == "x86-64-avx") CHECK(target.at("libraries").size() >= 1);
        if (target.at("name") == "future") CHECK_THAT(target.at("obstacle").get<std::string>(), Contains("thought"));
    }
    CHECK(document.at("target") != "x86-64-avx"); // nobody asked for it
}

TEST_CASE("a wrong target file is an error of every command", "[program_target_file]") {
    const afnet::TemporaryFolder folder;
    Circumstances wrong;
    wrong.environment = {"AFNET_TARGET_FILE=" + written(folder, "wrong.json", R"({"targets": [{"name": "a"}]})")};
    for (const Arguments &command : {Arguments{"info"}, Arguments{"bench", "network", "--rounds", "1"}}) {
        const ProgramRun run = run_program(command, wrong);
        CHECK(run.status == 1);
        CHECK_THAT(run.err, Contains("wrong.json: target 1: halide"));
    }
    // Halide's generators judge the target string.
    wrong.environment = {
        "AFNET_TARGET_FILE=" +
        written(folder, "mars.json", R"({"targets": [{"name": "a", "halide": "x86-64-linux-mars"}]})")};
    const ProgramRun run = run_program({"compile", "--model", "af_tiny", "--target", "a", "--output",
                                        folder.path() + "/kernels", "--cache", folder.path() + "/cache"},
                                       wrong);
    CHECK(run.status == 1);
    CHECK_THAT(run.err, Contains("mars"));
}
