// Limits of child processes: whatever a program does, it ends, and how is known.
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>

#include "autotune/contest_process.h"
#include "autotune/process.h"

using namespace afnet;

namespace {

ProcessResult shell(const std::string &script, const ProcessLimits &limits = {}) {
    return run_process({"sh", "-c", script}, limits);
}

} // namespace

TEST_CASE("a process gives its status and all that it wrote", "[process]") {
    CHECK(shell("echo out; echo err >&2; exit 3").status == 3);
    CHECK(shell("echo out; echo err >&2").output == "out\nerr\n");
    CHECK(shell("cat").status == 0); // no standard input
    CHECK(shell("kill -SEGV $$").status == 128 + SIGSEGV);
    const ProcessResult missing = run_process({"/nowhere/program"});
    CHECK(missing.status == 127);
    CHECK_THAT(missing.output, Catch::Matchers::StartsWith("/nowhere/program: No such file"));
    const ProcessResult talkative = shell("head -c 3000000 /dev/zero");
    CHECK(talkative.status == 0);
    CHECK(talkative.output.size() == size_t(1) << 20);
}

TEST_CASE("a process that hangs is killed with its children at the time limit", "[process]") {
    const auto begin = std::chrono::steady_clock::now();
    for (const char *script : {"sleep 100", "sleep 100 & sleep 100", "exec >&- 2>&-; sleep 100", "sleep 100 | cat"}) {
        INFO(script);
        const ProcessResult result = shell(script, {0.3, 0});
        CHECK(result.timed_out);
        CHECK(outcome_of(result) == Outcome::Timeout);
    }
    // One that has ended is not waited for because of what it left behind.
    CHECK(shell("sleep 100 & exit 0").status == 0);
    CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < 30);
}

TEST_CASE("a process gets no more memory than its limit", "[process]") {
    const char *script = "head -c 400000000 /dev/zero | tail -c 300000000 | wc -c; exit 1";
    const ProcessResult result = shell(script, {60, size_t(200) << 20});
    INFO(result.output);
    CHECK(outcome_of(result) == Outcome::Memory);
}

TEST_CASE("how a process ended is an outcome", "[process]") {
    CHECK(outcome_of({128 + SIGSEGV, SIGSEGV, "", false}) == Outcome::Crash);
    CHECK(outcome_of({128 + SIGKILL, SIGKILL, "", false}) == Outcome::Memory);
    CHECK(outcome_of({128 + SIGKILL, SIGKILL, "", true}) == Outcome::Timeout);
    CHECK(outcome_of({128 + SIGABRT, SIGABRT, "LLVM ERROR: out of memory", false}) == Outcome::Memory);
    CHECK(outcome_of({1, 0, "std::bad_alloc", false}) == Outcome::Memory);
    CHECK(outcome_of({1, 0, "no such thing", false}) == Outcome::Failed);
    CHECK(outcome_of({255, 0, "Unhandled exception", false}) == Outcome::Failed);
}
