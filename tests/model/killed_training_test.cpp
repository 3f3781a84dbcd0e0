// A process that writes checkpoints and logs all the time is killed at random times: what it leaves behind is whole.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <random>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/run_folder.h"
#include "model/training_log.h"
#include "tests/model/small_training_state.h"

using namespace afnet;
using namespace afnet_test;

namespace {

constexpr const char *kFolderVariable = "AFNET_TEST_RUN";
constexpr int kKills = 120;

/// This test program as a child that runs the hidden test below in `folder`.
struct SavingChild {
    pid_t process = -1;
    int output = -1;

    explicit SavingChild(const std::string &folder) {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        const std::string variable = std::string(kFolderVariable) + "=" + folder;
        const char *arguments[] = {"afnet_tests", "[.saving_child]", nullptr};
        const char *environment[] = {variable.c_str(), nullptr};
        process = ::fork();
        if (process == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(ends[1], 1);
            ::execve("/proc/self/exe", const_cast<char **>(arguments), const_cast<char **>(environment));
            ::_exit(127);
        }
        ::close(ends[1]);
        output = ends[0];
        REQUIRE(process > 0);
    }
    ~SavingChild() {
        if (process > 0) kill();
        ::close(output);
    }
    SavingChild(const SavingChild &) = delete;
    SavingChild &operator=(const SavingChild &) = delete;

    /// The number behind the next line, or -1 at the end.
    int64_t next() const {
        std::string line;
        for (char c = 0; ::read(output, &c, 1) == 1 && c != '\n';)
            line += c;
        return line.empty() ? -1 : std::atoll(line.c_str());
    }
    void kill() {
        ::kill(process, SIGKILL);
        int status = 0;
        ::waitpid(process, &status, 0);
        process = -1;
        const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        CHECK(killed); // not ended by itself
    }
};

size_t temporaries_in(const std::string &folder) {
    size_t count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        count += entry.path().filename().string().find(".tmp") != std::string::npos;
    }
    return count;
}

/// Microseconds that an epoch of the child takes on this machine, now.
unsigned epoch_time() {
    const ScratchFolder scratch;
    SavingChild child(scratch / "run");
    child.next();
    const auto begin = std::chrono::steady_clock::now();
    for (int epoch = 0; epoch < 10; epoch++)
        child.next();
    const auto end = std::chrono::steady_clock::now();
    child.kill();
    return unsigned(std::chrono::duration_cast<std::chrono::microseconds>(end - begin).count() / 10) + 1;
}

} // namespace

// As training does it: the row, then the checkpoints; each epoch is announced before.
TEST_CASE("saves until it is killed", "[.saving_child]") {
    const char *path = std::getenv(kFolderVariable);
    if (!path) return;
    const RunFolder run(path, "{}", RunFolder::Existing::Resume);
    int64_t epoch = run.has_last() ? load_training_state(run.last()).epoch : 0;
    TrainingLog log(path, epoch);
    for (;; epoch++) {
        const std::string line = std::to_string(epoch + 1) + "\n";
        if (::write(1, line.data(), line.size()) != ssize_t(line.size())) return;
        EpochRecord record;
        record.epoch = epoch;
        log.append(record);
        run.save(training_state_of(epoch + 1), {epoch % 3 == 0, epoch % 2 == 0, 2});
    }
}

TEST_CASE("killed training: the last checkpoint is whole, and one of two", "[killed_training]") {
    const ScratchFolder scratch;
    const std::string path = scratch / "run";
    const unsigned microseconds = epoch_time();
    std::mt19937 random(5);
    int64_t saved = 0, in_the_middle = 0;
    for (int round = 0; round < kKills; round++) {
        INFO(round);
        SavingChild child(path);
        int64_t announced = child.next();
        REQUIRE(announced == saved + 1); // it goes on from what was there
        for (unsigned more = random() % 3; more > 0; more--)
            announced = child.next();
        ::usleep(random() % microseconds);
        child.kill();
        for (int64_t next = child.next(); next >= 0; next = child.next())
            announced = next;
        const size_t temporaries = temporaries_in(path);
        CHECK(temporaries <= 1);
        in_the_middle += temporaries > 0;
        if (!std::filesystem::exists(path + "/last.safetensors")) {
            REQUIRE(announced == 1);
            continue;
        }
        const TrainingState last = load_training_state(path + "/last.safetensors");
        const bool one_of_two = last.epoch == announced || last.epoch == announced - 1;
        REQUIRE(one_of_two);
        CHECK(last.epoch >= saved);
        CHECK(consistent(last));
        saved = last.epoch;
        // The best of what `last` knows: every third epoch of the child, from the first.
        CHECK(load_training_state(path + "/best.safetensors").epoch >= saved - (saved - 1) % 3);
    }
    CHECK(in_the_middle > 0); // else the times were not random enough

    const RunFolder run(path, "{}", RunFolder::Existing::Resume);
    CHECK(temporaries_in(path) == 0);
    CHECK(consistent(load_training_state(run.best())));
    for (const int64_t epochs : run.kept())
        CHECK(consistent(load_training_state(run.after(epochs))));
    TrainingLog(path, saved);
    std::istringstream rows(contents_of(path + "/log.csv"));
    std::string row;
    std::getline(rows, row);
    for (int64_t epoch = 0; epoch < saved; epoch++) {
        REQUIRE(std::getline(rows, row));
        CHECK(std::stoll(row) == epoch);
    }
    CHECK_FALSE(std::getline(rows, row));
}
