// Run folders: one process at a time, one configuration, the checkpoints that are asked for.
#include "model/run_folder.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/model/checkpoint_builder.h"
#include "tests/model/small_training_state.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

constexpr auto kRefuse = RunFolder::Existing::Refuse, kResume = RunFolder::Existing::Resume;

void write(const std::string &path, const std::string &contents) {
    std::ofstream(path, std::ios::binary) << contents;
}

} // namespace

TEST_CASE("run folder: made, and opened again", "[run_folder]") {
    const ScratchFolder scratch;
    const std::string path = scratch / "runs/first";
    {
        const RunFolder run(path, R"({"rate": 0.1, "model": {"name": "m"}})", kRefuse);
        CHECK_FALSE(run.has_last());
        CHECK(run.last() == path + "/last.safetensors");
        CHECK(run.after(12) == path + "/epoch-12.safetensors");
        CHECK(contents_of(run.config()) == "{\n  \"model\": {\n    \"name\": \"m\"\n  },\n  \"rate\": 0.1\n}\n");
        write(run.last(), "");
        CHECK(run.has_last());
    }
    CHECK(RunFolder(path, R"({"model": {"name": "m"}, "rate": 0.1})", kResume).has_last());
    CHECK_THAT(refusal([&] { RunFolder(path, R"({"rate": 0.1})", kRefuse); }), Contains("holds a run already"));
    CHECK_FALSE(RunFolder(scratch / "runs/second", "{}", kResume).has_last());
}

TEST_CASE("run folder: another configuration is refused by its fields", "[run_folder]") {
    const ScratchFolder scratch;
    const std::string path = scratch / "run";
    write(RunFolder(path, R"({"rate": 0.1, "epochs": 5, "gates": {"rt": 0.5, "order": [1, 2]}})", kRefuse).last(), "");
    const std::string before = contents_of(path + "/config.json");
    const std::string other = R"({"rate": 0.2, "epochs": 9, "gates": {"rt": 0.5, "order": [1]}, "extra": true})";
    const std::string message = refusal([&] { RunFolder(path, other, kResume, {"/epochs"}); });
    CHECK_THAT(message, Contains(path + ": began with another configuration") && Contains("\n  /rate: 0.1, now 0.2") &&
                            Contains("\n  /gates/order/1: 2, now nothing") &&
                            Contains("\n  /extra: nothing, now true"));
    CHECK_THAT(message, !Contains("epochs") && !Contains("/gates/rt"));
    CHECK(contents_of(path + "/config.json") == before);

    const std::string longer = R"({"rate": 0.1, "epochs": 9, "gates": {"rt": 0.4, "order": [1, 2]}})";
    RunFolder(path, longer, kResume, {"/epochs", "/gates"});
    CHECK_THAT(contents_of(path + "/config.json"), Contains("\"epochs\": 9"));

    write(path + "/config.json", "{\"rate\": 0.");
    CHECK_THAT(refusal([&] { RunFolder(path, longer, kResume); }), Contains("config.json: not a JSON object"));
}

TEST_CASE("run folder: a run without a checkpoint begins again", "[run_folder]") {
    const ScratchFolder scratch;
    const std::string path = scratch / "run";
    RunFolder(path, R"({"rate": 0.1})", kRefuse);
    write(path + "/log.csv", "epoch\n");
    CHECK_NOTHROW(RunFolder(path, R"({"rate": 0.1})", kRefuse));
    CHECK_NOTHROW(RunFolder(path, R"({"rate": 0.2})", kResume));
    CHECK_THAT(contents_of(path + "/config.json"), Contains("0.2"));
    for (const char *name : {"best.safetensors", "epoch-3.safetensors", "last.safetensors"}) {
        INFO(name);
        write(path + "/" + name, "");
        CHECK_THAT(refusal([&] { RunFolder(path, R"({"rate": 0.2})", kRefuse); }), Contains("holds a run already"));
        CHECK_THAT(refusal([&] { RunFolder(path, R"({"rate": 0.3})", kResume); }), Contains("another configuration"));
        std::filesystem::remove(path + "/" + name);
    }
}

TEST_CASE("run folder: what is no place for a run stays as it is", "[run_folder]") {
    const ScratchFolder scratch;
    write(scratch / "thesis.tex", "words");
    CHECK_THAT(refusal([&] { RunFolder(scratch / "", "{}", kResume); }),
               Contains("holds other files ('thesis.tex'), but no run"));
    CHECK_FALSE(std::filesystem::exists(scratch / "config.json"));
    CHECK_THAT(refusal([&] { RunFolder(scratch / "thesis.tex", "{}", kResume); }), Contains("cannot make this folder"));
    CHECK_THAT(refusal([&] { RunFolder(scratch / "thesis.tex/run", "{}", kResume); }), Contains("cannot make"));
    CHECK_THAT(refusal([&] { RunFolder(scratch / "run", "[1]", kResume); }), Contains("not a JSON object"));
    CHECK_FALSE(std::filesystem::exists(scratch / "run"));
}

TEST_CASE("run folder: one process at a time, and a killed one lets go", "[run_folder]") {
    const ScratchFolder scratch;
    const std::string path = scratch / "run";
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const RunFolder run(path, "{}", kRefuse);
        char go = 'g';
        if (::write(ready[1], &go, 1) != 1) ::_exit(1);
        for (;;)
            ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    CHECK_THAT(refusal([&] { RunFolder(path, "{}", kResume); }),
               Contains("another process (" + std::to_string(child) + ") trains into this folder"));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    {
        const RunFolder run(path, "{}", kResume);
        CHECK_THAT(refusal([&] { RunFolder(path, "{}", kResume); }), Contains("another process"));
    }
    CHECK_NOTHROW(RunFolder(path, "{}", kResume));
}

TEST_CASE("run folder: leftovers of interrupted writes go, other files stay", "[run_folder]") {
    const ScratchFolder scratch;
    const std::string path = scratch / "run";
    RunFolder(path, "{}", kRefuse);
    const std::vector<std::string> leftovers = {"last.safetensors.tmpAb3xYz", "best.safetensors.tmp000000",
                                                "epoch-10.safetensors.tmpqwerty", "config.json.tmpabcdef"};
    const std::vector<std::string> others = {"notes.tmpabcdef", "last.safetensors.tmp", "epoch-x.safetensors.tmpabcdef",
                                             "last.safetensors.bak123456"};
    for (const auto *names : {&leftovers, &others}) {
        for (const std::string &name : *names)
            write(path + "/" + name, "x");
    }
    RunFolder(path, "{}", kResume);
    for (const std::string &name : leftovers)
        CHECK_FALSE(std::filesystem::exists(path + "/" + name));
    for (const std::string &name : others)
        CHECK(std::filesystem::exists(path + "/" + name));
}

TEST_CASE("run folder: the checkpoints that are asked for", "[run_folder]") {
    const ScratchFolder scratch;
    const RunFolder run(scratch / "run", "{}", kRefuse);
    CHECK_THAT(refusal([&] { checkpoint_of(run.path()); }), Contains("holds no checkpoint"));
    run.save(training_state_of(1), {});
    CHECK(run.has_last());
    CHECK(run.kept().empty());
    CHECK(checkpoint_of(run.path()) == run.last());
    run.save(training_state_of(2), {true, true, 2});
    CHECK(checkpoint_of(run.path()) == run.best());
    CHECK(run.kept() == std::vector<int64_t>{2});
    for (const int64_t epochs : {9, 10, 11})
        run.save(training_state_of(epochs), {false, true, 2});
    CHECK(run.kept() == std::vector<int64_t>{10, 11});
    run.save(training_state_of(12), {false, false, 1});
    CHECK(run.kept() == std::vector<int64_t>{10, 11});
    run.save(training_state_of(13), {false, true, 0});
    CHECK(run.kept() == std::vector<int64_t>{10, 11, 13});
    CHECK(load_training_state(run.best()).epoch == 2);
    CHECK(load_training_state(run.last()).epoch == 13);
    CHECK(load_training_state(run.after(11)).epoch == 11);
    CHECK(checkpoint_of("some/file.safetensors") == "some/file.safetensors");
}
