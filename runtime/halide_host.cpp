#include "runtime/halide_host.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <sched.h>
#include <thread>

#include "HalideRuntime.h"
#include "runtime/scratch_memory.h"

namespace afnet {

namespace {

// Parallel tasks report from worker threads: one list under a mutex, not thread-local.
std::mutex error_mutex;
std::string errors;

void remember_error(void *, const char *message) {
    const std::lock_guard<std::mutex> lock(error_mutex);
    std::string text(message);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    if (errors.size() < 4096) errors += (errors.empty() ? "" : "; ") + text;
}

// Halide's own default counts the machine's processors and ignores the affinity mask.
int available_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, int(std::thread::hardware_concurrency()));
}

} // namespace

int configure_halide(int threads) {
    const int count = threads > 0 ? threads : available_processors();
    halide_set_error_handler(remember_error);
#ifndef __SANITIZE_ADDRESS__ // which watches the system's allocator only
    halide_set_custom_malloc([](void *, size_t bytes) { return scratch_allocate(bytes); });
    halide_set_custom_free([](void *, void *memory) { scratch_release(memory); });
#endif
    // Halide never ends a worker of a pool that has become smaller, and goes on giving it tasks.
    static std::atomic<int> in_pool{0};
    if (in_pool.exchange(count) > count) halide_shutdown_thread_pool();
    halide_set_num_threads(count);
    return count;
}

std::string take_halide_errors() {
    const std::lock_guard<std::mutex> lock(error_mutex);
    std::string taken;
    taken.swap(errors);
    return taken;
}

} // namespace afnet
