// The program: parses the command line, runs one registered subcommand, and is the only place that turns errors into
// messages and exit statuses: 0 ok, 1 failed, 2 usage, 130 or 143 interrupted.
#include <csignal>
#include <cstdio>
#include <new>
#include <vector>

#include "model/command_line.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/heap.h"
#include "runtime/interrupt.h"
#include "runtime/kernel_trace.h"

namespace {

using namespace afnet;

int fail(const char *message, int status) {
    std::fprintf(stderr, "afnet: %s\n", message);
    return status;
}

// Standard output may be a full disk or a closed pipe: a result that did not arrive is a failure.
int flushed(int status) {
    if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return status;
    return fail("cannot write to standard output; is the disk full?", 1);
}

int run(int argc, char **argv) {
    CommandLine app("AFNet video recognition, compiled ahead of time from Halide");
    app.require_subcommand(1);
    app.set_version_flag("--version", "afnet 0.1.0");
    CommandContext context;
    std::vector<std::pair<CommandLine, std::function<int()>>> ready;
    for (const Command &command : commands()) {
        CommandLine sub = app.add_subcommand(command.name, command.summary);
        sub.add_flag("--json", context.json, "Standard output carries JSON and nothing else");
        sub.add_flag("-q,--quiet", context.quiet, "No progress and no remarks");
        sub.add_option("--threads", context.threads, "Threads for kernels; 0: one per available processor")
            .range(0, 1024);
        ready.push_back({sub, command.configure(sub, context)});
    }
    if (const std::optional<int> printed = app.parse(argc, argv)) return *printed == 0 ? flushed(0) : *printed;
    for (const auto &[sub, action] : ready) {
        if (!sub.parsed()) continue;
        const int status = action();
        write_trace();
        return flushed(status);
    }
    return 2;
}

}  // namespace

int main(int argc, char **argv) {
    // A closed pipe and a file beyond the user's limit are errors of a write, which are told and cleaned up after.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    catch_interrupts();
    keep_freed_memory();
    try {
        return run(argc, argv);
    } catch (const Interrupted &) {
        std::fflush(stdout);
        return fail("interrupted", 128 + (caught_signal() ? caught_signal() : SIGINT));
    } catch (const UsageError &error) {
        return fail(error.what(), 2);
    } catch (const Error &error) {
        std::fflush(stdout);
        return fail(error.what(), 1);
    } catch (const std::bad_alloc &) {
        return fail("out of memory; use fewer frames, a smaller size or a smaller batch", 1);
    } catch (const std::exception &error) {
        return fail(error.what(), 1);
    }
}
