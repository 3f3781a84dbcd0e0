#include "runtime/parallel_for.h"

#include <exception>
#include <vector>

#include "HalideRuntime.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace afnet {

namespace {

struct Work {
    const std::function<void(size_t)> &task;
    std::vector<std::exception_ptr> thrown; // one per task: threads share none
};

// Exceptions must not pass through Halide's C code.
int run_task(void *, int index, uint8_t *closure) {
    Work &work = *reinterpret_cast<Work *>(closure);
    try {
        if (interrupted()) throw Interrupted();
        work.task(size_t(index));
    } catch (...) {
        work.thrown[size_t(index)] = std::current_exception();
    }
    return 0;
}

} // namespace

void parallel_for(size_t count, const std::function<void(size_t)> &task) {
    Work work{task, std::vector<std::exception_ptr>(count)};
    halide_do_par_for(nullptr, run_task, 0, int(count), reinterpret_cast<uint8_t *>(&work));
    for (const std::exception_ptr &thrown : work.thrown) {
        if (thrown) std::rethrow_exception(thrown);
    }
}

} // namespace afnet
