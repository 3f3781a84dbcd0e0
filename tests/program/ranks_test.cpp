// afnet train on several processes: the bits of one, whoever is stopped, resumed or killed.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "model/training_state.h"
#include "tests/program/program_run.h"
#include "tests/program/train_fixture.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

#if AFNET_TEST_MPI

namespace {

Circumstances ranks(int count) {
    Circumstances circumstances;
    // Containers often forbid what shared memory would use between processes.
    circumstances.launcher = {AFNET_MPIEXEC,
                              "-n",
                              std::to_string(count),
                              "--allow-run-as-root",
                              "--oversubscribe",
                              "--bind-to",
                              "none",
                              "--mca",
                              "btl",
                              "self,vader",
                              "--mca",
                              "btl_vader_single_copy_mechanism",
                              "none"};
    return circumstances;
}

// Processes of the ranks, in their order.
std::vector<pid_t> children_of(pid_t launcher) {
    const std::string process = std::to_string(launcher);
    std::ifstream file("/proc/" + process + "/task/" + process + "/children");
    std::vector<pid_t> children;
    for (pid_t child; file >> child;)
        children.push_back(child);
    return children;
}

const Arguments &short_list() {
    static const afnet::TemporaryFolder folder;
    static const Arguments list = {made_clips(folder.path() + "/clips", 16)};
    return list;
}

Arguments training(const std::string &out) {
    return two_stages(short_list()[0], out, 8, 2);
}

} // namespace

TEST_CASE("any number of ranks gives the bits of one", "[program_ranks]") {
    const afnet::TemporaryFolder folder;
    const std::string one = folder.file("one");
    const ProgramRun alone = run_program(training(one));
    INFO(alone.err);
    REQUIRE(alone.status == 0);
    for (int count : {2, 4}) {
        const std::string several = folder.file(std::to_string(count));
        const ProgramRun run = run_program(training(several), ranks(count));
        INFO(run.err);
        REQUIRE(run.status == 0);
        CHECK_THAT(run.out, Contains("best top-1"));
        CHECK(run.out.find("best top-1") == run.out.rfind("best top-1")); // one rank talks
        check_same_run(one, several);
    }
}

TEST_CASE("any number of ranks draws the masks of one", "[program_ranks]") {
    const afnet::TemporaryFolder folder;
    const auto drawing = [&](const std::string &out) {
        Arguments all = training(out);
        all.insert(all.end(), {"--masks", "both", "random", "--masks-of", "both", "--grid", "4", "--rs", "0.5",
                               "--rs-begin", "0", "--rs-end", "0"});
        return all;
    };
    const std::string one = folder.file("one"), two = folder.file("two");
    const ProgramRun alone = run_program(drawing(one));
    INFO(alone.err);
    REQUIRE(alone.status == 0);
    const ProgramRun run = run_program(drawing(two), ranks(2));
    INFO(run.err);
    REQUIRE(run.status == 0);
    check_same_run(one, two);
}

TEST_CASE("a signal to one rank stops all; another number of ranks goes on", "[program_ranks]") {
    const afnet::TemporaryFolder folder;
    const std::string whole = folder.file("whole"), stopped = folder.file("stopped");
    REQUIRE(run_program(training(whole)).status == 0);
    ProgramChild child(training(stopped), ranks(2));
    child.wait_for("train first, epoch 2");
    const std::vector<pid_t> processes = children_of(child.process());
    REQUIRE(processes.size() == 2);
    ::kill(processes[1], SIGTERM);
    const ProgramRun run = child.finish();
    INFO(run.err);
    const bool interrupted = run.status == 128 + SIGTERM || run.status == 128 + SIGINT; // who was told by the other one
    CHECK(interrupted);
    CHECK_THAT(run.err, Contains("afnet: interrupted"));
    const afnet::TrainingState last = afnet::load_training_state(stopped + "/last.safetensors");
    CHECK(last.step >= 3); // an epoch has two
    CHECK(last.step < 21);
    const ProgramRun rest = run_program(training(stopped), ranks(4));
    INFO(rest.err);
    REQUIRE(rest.status == 0);
    check_same_run(whole, stopped);
}

TEST_CASE("a rank that dies ends the others, and one process goes on", "[program_ranks]") {
    const afnet::TemporaryFolder folder;
    const std::string whole = folder.file("whole"), killed = folder.file("killed");
    REQUIRE(run_program(training(whole)).status == 0);
    ProgramChild child(training(killed), ranks(2));
    child.wait_for("train first, epoch 2");
    const std::vector<pid_t> processes = children_of(child.process());
    REQUIRE(processes.size() == 2);
    ::kill(processes[1], SIGKILL);
    const ProgramRun run = child.finish();
    CHECK(run.status != 0);
    CHECK_THAT(run.err, Contains("rank 1") && Contains("signal 9"));
    const ProgramRun rest = run_program(training(killed));
    INFO(rest.err);
    REQUIRE(rest.status == 0);
    check_same_run(whole, killed);
}

TEST_CASE("ranks refuse what they cannot share, or do not share", "[program_ranks]") {
    const afnet::TemporaryFolder folder;
    const ProgramRun uneven = run_program(two_stages(short_list()[0], folder.file("uneven"), 8, 8), ranks(2));
    INFO(uneven.err);
    CHECK(uneven.status == 1);
    CHECK_THAT(uneven.err, Contains("2 processes cannot share out evenly"));
    Circumstances different = ranks(1);
    const Arguments other = training(folder.file("different"));
    different.launcher.push_back(AFNET_PROGRAM);
    different.launcher.insert(different.launcher.end(), other.begin(), other.end());
    different.launcher.insert(different.launcher.end(), {"--augment", ":", "-n", "1"});
    const ProgramRun run = run_program(other, different);
    INFO(run.err);
    CHECK(run.status == 1);
    CHECK_THAT(run.err, Contains("afnet: rank 1 of 2: its options or files give another configuration"));
}

#else

TEST_CASE("a build without MPI refuses to be one of several ranks", "[program_ranks]") {
    const afnet::TemporaryFolder folder;
    Circumstances launched;
    launched.environment = {"OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=2"};
    const std::string list = made_clips(folder.path() + "/clips", 4);
    check_refusal(run_program(two_stages(list, folder.file("run")), launched), 1, "AFNET_WITH_MPI");
}

#endif
