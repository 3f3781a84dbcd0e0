// Independent tasks on Halide's pool.
#include "runtime/parallel_for.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/error.h"
#include "runtime/halide_host.h"

using namespace afnet;

TEST_CASE("each task runs once, whatever the number of threads", "[parallel_for]") {
    for (const int threads : {1, 2, 5}) {
        configure_halide(threads);
        for (const size_t count : {size_t(0), size_t(1), size_t(3), size_t(1000)}) {
            std::vector<std::atomic<int>> calls(count);
            parallel_for(count, [&](size_t i) { calls[i]++; });
            for (size_t i = 0; i < count; i++)
                CHECK(calls[i] == 1);
        }
    }
    configure_halide(0);
}

TEST_CASE("a pool that becomes smaller gives tasks to as many threads as it is told", "[parallel_for]") {
    for (const int threads : {4, 1, 3, 2, 1}) {
        configure_halide(threads);
        std::mutex mutex;
        std::set<std::thread::id> seen;
        parallel_for(50, [&](size_t) {
            std::this_thread::sleep_for(std::chrono::microseconds(200)); // long enough for others to take their share
            const std::lock_guard<std::mutex> lock(mutex);
            seen.insert(std::this_thread::get_id());
        });
        CHECK(seen.size() <= size_t(threads));
    }
    configure_halide(0);
}

TEST_CASE("a task's error arrives after all tasks, that of the lowest index", "[parallel_for]") {
    configure_halide(4);
    for (int round = 0; round < 20; round++) {
        std::atomic<int> calls{0};
        const auto task = [&](size_t i) {
            calls++;
            if (i % 7 == 3) throw Error("task " + std::to_string(i));
        };
        CHECK_THROWS_WITH(parallel_for(50, task), "task 3");
        CHECK(calls == 50);
    }
    configure_halide(0);
}

TEST_CASE("tasks may share out work themselves", "[parallel_for]") {
    configure_halide(3);
    std::atomic<int> calls{0};
    parallel_for(8, [&](size_t) { parallel_for(8, [&](size_t) { calls++; }); });
    CHECK(calls == 64);
    configure_halide(0);
}
