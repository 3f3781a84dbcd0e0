#include "autotune/process.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace afnet {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostOutput = 1 << 20;
constexpr int kTickMilliseconds = 50; // how often an interrupt and the time limit are looked at

// Between fork and exec: system calls only, because other threads may hold locks.
[[noreturn]] void become(char *const *argv, const ProcessLimits &limits, int output) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int input = ::open("/dev/null", O_RDONLY);
    ::dup2(input, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    if (limits.memory_bytes > 0) {
        const rlimit memory{limits.memory_bytes, limits.memory_bytes}, core{0, 0};
        ::setrlimit(RLIMIT_AS, &memory);
        ::setrlimit(RLIMIT_CORE, &core);
    }
    ::execvp(argv[0], argv);
    const char *reason = ::strerrordesc_np(errno);
    for (const char *text : {static_cast<const char *>(argv[0]), ": ", reason}) {
        if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
    }
    ::_exit(127);
}

double seconds_of(const timeval &time) {
    return double(time.tv_sec) + 1e-6 * double(time.tv_usec);
}

// A child process; one that is still there when the object goes is killed with all that it started.
class Child {
public:
    Child(const std::vector<std::string> &arguments, const ProcessLimits &limits) {
        std::vector<char *> argv;
        for (const std::string &argument : arguments)
            argv.push_back(const_cast<char *>(argument.c_str()));
        argv.push_back(nullptr);
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
        output_ = ends[0];
        id_ = ::fork();
        if (id_ == 0) become(argv.data(), limits, ends[1]);
        const int failure = errno;
        ::close(ends[1]);
        if (id_ < 0) {
            ::close(output_);
            throw Error(std::string("cannot make a process: ") + std::strerror(failure));
        }
        ::fcntl(output_, F_SETFL, O_NONBLOCK);
        ::setpgid(id_, id_); // here as well: whoever comes first
    }
    ~Child() {
        kill();
        ::close(output_);
    }
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;

    // Waits a moment for output or its end.
    void wait_for_output() const {
        pollfd end{output_, POLLIN, 0};
        if (open_) {
            ::poll(&end, 1, kTickMilliseconds);
        } else {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

    void take_output(std::string &text) {
        char buffer[4096];
        for (ssize_t n; open_ && (n = ::read(output_, buffer, sizeof buffer)) != 0;) {
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return;
            text.append(buffer, std::min(size_t(n), kMostOutput - text.size()));
        }
        open_ = false;
    }

    // True once it has ended; then it says how.
    bool ended(ProcessResult &result) {
        int how = 0;
        rusage used{};
        const pid_t found = ::wait4(id_, &how, WNOHANG, &used);
        if (found == 0 || (found < 0 && errno == EINTR)) return false;
        result.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
        result.signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
        result.status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + result.signal;
        ::kill(-id_, SIGKILL); // what it has left behind
        id_ = -1;
        return true;
    }

    void kill() {
        if (id_ <= 0) return;
        ::kill(-id_, SIGKILL);
        while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
        }
        id_ = -1;
    }

private:
    pid_t id_ = -1;
    int output_ = -1;
    bool open_ = true;
};

} // namespace

ProcessResult run_process(const std::vector<std::string> &arguments, const ProcessLimits &limits) {
    const Clock::time_point begin = Clock::now();
    ProcessResult result;
    Child child(arguments, limits);
    for (;;) {
        child.wait_for_output();
        child.take_output(result.output);
        if (child.ended(result)) break;
        if (interrupted()) throw Interrupted();
        if (limits.seconds > 0 && std::chrono::duration<double>(Clock::now() - begin).count() > limits.seconds) {
            child.kill();
            result.signal = SIGKILL;
            result.status = 128 + SIGKILL;
            result.timed_out = true;
            break;
        }
    }
    child.take_output(result.output);
    return result;
}

} // namespace afnet
