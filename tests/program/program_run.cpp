#include "tests/program/program_run.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace afnet_test {

namespace {

std::vector<char *> pointers(const std::vector<std::string> &texts) {
    std::vector<char *> result;
    for (const std::string &text : texts) result.push_back(const_cast<char *>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

// What the tests inherit, where it is not given anew.
std::vector<std::string> whole_environment(const std::vector<std::string> &given) {
    std::vector<std::string> all = given;
    for (char **inherited = environ; *inherited; ++inherited) {
        const std::string name(*inherited, std::strcspn(*inherited, "="));
        const bool anew = std::any_of(given.begin(), given.end(),
                                      [&](const std::string &each) { return each.rfind(name + "=", 0) == 0; });
        if (!anew) all.push_back(*inherited);
    }
    return all;
}

// Between fork and exec: system calls only, because the tests have threads.
[[noreturn]] void become_program(char **argv, char **envp, const Circumstances &circumstances, int out, int err) {
    const int in = ::open(circumstances.input.c_str(), O_RDONLY);
    if (!circumstances.output.empty()) out = ::open(circumstances.output.c_str(), O_WRONLY | O_CREAT, 0666);
    const bool connected = in >= 0 && ::dup2(in, 0) == 0 && ::dup2(out, 1) == 1 && ::dup2(err, 2) == 2;
    if (circumstances.file_bytes) {
        const rlimit limit{*circumstances.file_bytes, *circumstances.file_bytes};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (in > 2) ::close(in);
    if (connected) ::execve(argv[0], argv, envp);
    ::_exit(127);
}

void append(std::string &text, int &descriptor) {
    char buffer[1 << 16];
    const ssize_t n = ::read(descriptor, buffer, sizeof buffer);
    if (n > 0) {
        text.append(buffer, static_cast<size_t>(n));
    } else if (n == 0 || errno != EINTR) {
        ::close(descriptor);
        descriptor = -1;
    }
}

}  // namespace

std::vector<nlohmann::json> ProgramRun::json_lines() const {
    std::vector<nlohmann::json> lines;
    std::istringstream stream(out);
    for (std::string line; std::getline(stream, line);) {
        INFO(line);
        REQUIRE(nlohmann::json::accept(line));
        lines.push_back(nlohmann::json::parse(line));
    }
    const bool whole_lines = out.empty() || out.back() == '\n';
    CHECK(whole_lines);
    return lines;
}

ProgramChild::ProgramChild(const Arguments &arguments, const Circumstances &circumstances) : begin_(Clock::now()) {
    limit_ = begin_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(circumstances.seconds));
    Arguments all = circumstances.launcher;
    all.push_back(AFNET_PROGRAM);
    all.insert(all.end(), arguments.begin(), arguments.end());
    const std::vector<std::string> environment = whole_environment(circumstances.environment);
    const std::vector<char *> argv = pointers(all), envp = pointers(environment);
    int out[2], err[2];
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(err, O_CLOEXEC) == 0);
    child_ = ::fork();
    if (child_ == 0) {
        become_program(const_cast<char **>(argv.data()), const_cast<char **>(envp.data()), circumstances, out[1],
                       err[1]);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
    REQUIRE(child_ > 0);
}

ProgramChild::~ProgramChild() {
    if (out_ >= 0) ::close(out_);
    if (err_ >= 0) ::close(err_);
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
}

// Takes what the program has written; false once it has closed both outputs. Ends the test past the time limit.
bool ProgramChild::read_more() {
    if (out_ < 0 && err_ < 0) return false;
    pollfd ends[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit_ - Clock::now()).count();
    if (left <= 0 || ::poll(ends, 2, static_cast<int>(left)) == 0) {
        FAIL("the program takes too long; it has written\n" << run_.out << "\nand\n" << run_.err);
    }
    if (ends[0].revents) append(run_.out, out_);
    if (ends[1].revents) append(run_.err, err_);
    return true;
}

void ProgramChild::wait_for(const std::string &text) {
    while (run_.out.find(text) == std::string::npos && run_.err.find(text) == std::string::npos) {
        if (!read_more()) FAIL("the program ended before it wrote " << text << ", with\n" << run_.err);
    }
}

void ProgramChild::send(int signal) const {
    REQUIRE(::kill(child_, signal) == 0);
}

ProgramRun ProgramChild::finish() {
    while (read_more()) {
    }
    int status = 0;
    REQUIRE(::waitpid(child_, &status, 0) == child_);
    child_ = -1;
    run_.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    run_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    return run_;
}

ProgramRun run_program(const Arguments &arguments, const Circumstances &circumstances) {
    return ProgramChild(arguments, circumstances).finish();
}

Arguments classifying(const Arguments &more) {
    Arguments all = {"classify", "--model", "af_mobilenetv3_tsm", "--size", "64"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

ProgramRun classified(const Arguments &more, const Circumstances &circumstances) {
    return run_program(classifying(more), circumstances);
}

Circumstances with_test_kernels() {
    Circumstances circumstances;
    circumstances.environment = {"AFNET_KERNELS=" AFNET_TEST_KERNELS};
    return circumstances;
}

ProgramRun evaluated_small(const std::string &model, const std::string &list, const Arguments &more) {
    Arguments all = {"eval", model, "--data", list, "--quiet"};
    all.insert(all.end(), more.begin(), more.end());
    return run_program(all, with_test_kernels());
}

void check_refusal(const ProgramRun &run, int status, const std::string &part) {
    INFO(run.err);
    CHECK(run.status == status);
    CHECK_THAT(run.err, Catch::Matchers::StartsWith("afnet: ") && Catch::Matchers::Contains(part));
    std::istringstream lines(run.err);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) CHECK_THAT(line, Catch::Matchers::StartsWith("  "));
    const bool plain = std::all_of(run.err.begin(), run.err.end(),
                                   [](unsigned char c) { return c == '\n' || (c >= 0x20 && c != 0x7f); });
    CHECK(plain);
}

std::vector<std::string> names_in(const std::string &folder) {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace afnet_test
