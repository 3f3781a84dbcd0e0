// Command lines: help, mistakes, and what goes to which output.
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string kGolden = AFNET_GOLDEN_DIR "/mbv3_tsm_t8_s96.safetensors";

const Arguments kQuickBench = {"bench", "network",  "--model", "af_mobilenetv3_tsm", "--size", "64", "--rt", "1",
                               "0.5",   "--rounds", "1",       "--seconds",          "0.1"};

Arguments with(Arguments arguments, const Arguments &more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

std::string spelled(const Arguments &arguments) {
    std::string text;
    for (const std::string &argument : arguments) text += argument + " ";
    return text;
}

}  // namespace

TEST_CASE("every command explains itself", "[program_usage]") {
    const Arguments commands[] = {{},           {"bench"},   {"bench", "compare"}, {"bench", "kernels"},
                                  {"bench", "network"}, {"bench", "sparsity"}, {"classify"}, {"codegen"}, {"compile"},
                                  {"eval"},     {"import"},  {"info"},             {"synth"},   {"tune"},             {"verify"}};
    for (const Arguments &command : commands) {
        for (const char *option : {"--help", "-h"}) {
            const ProgramRun run = run_program(with(command, {option}));
            INFO(spelled(command));
            CHECK(run.status == 0);
            CHECK(run.err.empty());
            CHECK_THAT(run.out, Contains("Usage: ") && Contains("--help"));
        }
    }
    const ProgramRun all = run_program({"--help"});
    for (const char *name :
         {"bench", "classify", "codegen", "compile", "eval", "import", "info", "synth", "tune", "verify"}) {
        CHECK_THAT(all.out, Contains("\n  " + std::string(name) + " "));
    }
}

TEST_CASE("the version is a line", "[program_usage]") {
    const ProgramRun run = run_program({"--version"});
    CHECK(run.status == 0);
    CHECK(run.out == "afnet 0.1.0\n");
}

TEST_CASE("command lines that make no sense end with 2", "[program_usage]") {
    const Arguments lines[] = {
        {},
        {"nosuch"},
        {"--nosuch"},
        {"bench"},
        {"bench", "nosuch"},
        {"bench", "network", "--rt", "1.1"},
        {"bench", "network", "--seconds", "0"},
        {"classify"},
        {"classify", "x.mp4", "--nosuch"},
        {"classify", "x.mp4", "--dtype", "f16"},
        {"verify", "x.safetensors", "--dtype", "BF16"},
        {"classify", "x.mp4", "--frames", "0"},
        {"classify", "x.mp4", "--frames", "257"},
        {"classify", "x.mp4", "--frames", "8x"},
        {"classify", "x.mp4", "--frames", "99999999999999999999"},
        {"classify", "x.mp4", "--gumbel-seed", "-1"},
        {"classify", "x.mp4", "--gumbel-seed", "99999999999999999999"},
        {"classify", "x.mp4", "--model"},
        {"classify", "x.mp4", "--seed", "-1"},
        {"classify", "x.mp4", "--size", "31"},
        {"classify", "x.mp4", "--spacing", "0"},
        {"classify", "x.mp4", "--stride", "0"},
        {"classify", "x.mp4", "--threads", "-1"},
        {"classify", "x.mp4", "--top", "0"},
        {"classify", "x.mp4", "--unselected", "kept"},
        {"import", "a.pth"},
        {"import", "a.pth", "b", "--shift", "--no-shift"},
        {"info", "--frames", "8"},
        {"info", "extra"},
        {"tune"},
        {"tune", "--kernels", "*", "--model", "resnet50", "--strategy", "nosuch"},
        {"verify"},
    };
    for (const Arguments &line : lines) {
        INFO(spelled(line));
        const ProgramRun run = run_program(line);
        CHECK(run.status == 2);
        CHECK(run.out.empty());
        CHECK_THAT(run.err, Contains("Run with --help"));
    }
}

TEST_CASE("requests that contradict themselves end with 2", "[program_usage]") {
    check_refusal(classified({"a.mp4", "b.mp4", "--picture", "p.png"}), 2, "--picture takes one input");
    check_refusal(run_program({"compile"}), 2, "--model, --train or --specs is needed");
    check_refusal(run_program({"compile", "--model", "resnet50", "--target", "nosuch"}), 2, "x86-64-avx2");
    check_refusal(run_program({"import", "a.pth", "b", "--model", "af_resnet50", "--shift"}), 2, "does not shift");
    check_refusal(run_program({"import", "a.pth", "b", "--name", "a/b"}), 2, "--name 'a/b'");
}

TEST_CASE("an unknown model is answered with those that are known", "[program_usage]") {
    const Arguments lines[] = {{"classify", "x.mp4", "--model", "af_resnet52"},
                               {"info", "--model", "af_resnet52"},
                               {"bench", "network", "--model", "af_resnet52"},
                               {"compile", "--model", "af_resnet52"},
                               {"import", "a.pth", "b", "--model", "af_resnet52", "--shift"}};
    for (const Arguments &line : lines) {
        INFO(spelled(line));
        const ProgramRun run = run_program(line);
        check_refusal(run, 2, "unknown model 'af_resnet52'");
        CHECK(run.out.empty());
        for (const char *known : {"resnet50_tsm", "af_resnet101_tsm", "af_mobilenetv3_tsm"}) {
            CHECK_THAT(run.err, Contains(known));
        }
    }
    check_refusal(run_program({"classify", "x.mp4", "--model", "none.safetensors"}), 1, "no such file");
    check_refusal(run_program({"classify", "x.mp4", "--model", std::string(5000, 'm')}), 2, "unknown model");
}

TEST_CASE("with --json standard output is JSON", "[program_usage]") {
    const auto lines_of = [](const Arguments &arguments, int status) {
        INFO(spelled(arguments));
        const ProgramRun run = run_program(arguments);
        CHECK(run.status == status);
        return run.json_lines();
    };
    const auto verified = lines_of({"verify", "--json", kGolden, "/nowhere", AFNET_PROGRAM}, 1);
    REQUIRE(verified.size() == 3);
    CHECK(verified[0].at("status") == "pass");
    CHECK(verified[1].at("status") == "error");
    CHECK_THAT(verified[1].at("error").get<std::string>(), StartsWith("/nowhere: "));
    CHECK(verified[2].at("status") == "error");
    CHECK(lines_of({"info", "--json"}, 0).at(0).contains("targets"));
    CHECK(lines_of({"info", "--json", "--model", "resnet50"}, 0).at(0).at("model").contains("macs"));
    CHECK(lines_of({"info", "--json", "--model", "nosuch"}, 2).empty());
    CHECK(lines_of(classifying({"--json", "/nowhere", "-"}), 1).size() == 2);
}

TEST_CASE("bench --json is one document", "[program_usage]") {
    const ProgramRun run = run_program(with(kQuickBench, {"--json", "--threads", "1", "--layers"}));
    CHECK(run.status == 0);
    const auto document = nlohmann::json::parse(run.out);
    CHECK(document.at("machine").at("threads") == 1);
    REQUIRE(document.at("rows").size() == 2);
    CHECK(document.at("rows")[0].at("speedup") == 1.0);
    CHECK(document.at("rows")[1].at("rt") == 0.5);
    CHECK(document.at("rows")[1].at("gmac") < document.at("rows")[0].at("gmac"));
    CHECK_FALSE(document.at("layers").empty());
    CHECK_THAT(run.err, Contains("bench af_mobilenetv3_tsm: "));
}

TEST_CASE("names of files that are not UTF-8 do not break the JSON", "[program_usage]") {
    const afnet::TemporaryFolder folder;
    const std::string golden = folder.file("golden\xff.safetensors");
    write_bytes(golden, read_bytes(kGolden));
    const ProgramRun run = run_program({"verify", "--json", golden, folder.file("none\xfe")});
    CHECK(run.status == 1);
    REQUIRE(run.json_lines().size() == 2);
    CHECK(run.json_lines()[0].at("status") == "pass");
    CHECK(classified({"--json", folder.file("none\xfe")}).json_lines().size() == 1);
}

TEST_CASE("--quiet leaves standard error to errors", "[program_usage]") {
    const Arguments quiet[] = {with(kQuickBench, {"--quiet"}), {"verify", "--quiet", kGolden}, {"info", "-q"}};
    for (const Arguments &line : quiet) {
        INFO(spelled(line));
        const ProgramRun run = run_program(line);
        CHECK(run.status == 0);
        CHECK(run.err.empty());
        CHECK_FALSE(run.out.empty());
    }
    if (no_samples()) return;
    const ProgramRun remarks = classified({sample_video(), sample_video()});
    CHECK_THAT(remarks.err, Contains("no trained weights") && Contains("classify: 0/2"));
    CHECK(classified({"--quiet", sample_video(), sample_video()}).err.empty());
    check_refusal(classified({"--quiet", "/nowhere"}), 1, "/nowhere: ");
}
