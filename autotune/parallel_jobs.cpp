#include "autotune/parallel_jobs.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace afnet {

void run_jobs(size_t count, int jobs, const std::function<void(size_t)> &work) {
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    const auto take = [&] {
        for (size_t i; (i = next.fetch_add(1)) < count;) {
            try {
                if (interrupted()) throw Interrupted();
                work(i);
            } catch (...) {
                const std::lock_guard<std::mutex> lock(mutex);
                if (!failure) failure = std::current_exception();
                next = count;
            }
        }
    };
    std::vector<std::thread> threads;
    for (size_t i = 1; i < std::min(size_t(std::max(jobs, 1)), count); i++)
        threads.emplace_back(take);
    take();
    for (std::thread &thread : threads)
        thread.join();
    if (failure) std::rethrow_exception(failure);
}

} // namespace afnet
