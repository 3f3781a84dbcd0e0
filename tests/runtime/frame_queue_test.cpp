// The queue between decoding and classifying: what is dropped, who waits, how it ends.
#include <catch2/catch.hpp>

#include <chrono>
#include <exception>
#include <thread>

#include "runtime/error.h"
#include "runtime/frame_queue.h"

using namespace afnet;

namespace {

StreamFrame numbered(int64_t number) {
    return {{1, 1, {0, 0, 0}}, number, 0};
}

} // namespace

TEST_CASE("a full queue drops the stalest frames and counts them", "[frame_queue]") {
    FrameQueue queue(3, false);
    for (int i = 0; i < 10; ++i)
        REQUIRE(queue.push(numbered(i)));
    queue.close(nullptr);
    for (int i = 7; i < 10; ++i)
        CHECK(queue.pop({})->number == i);
    CHECK_FALSE(queue.pop({}));
    CHECK(queue.received() == 10);
    CHECK(queue.dropped() == 7);
}

TEST_CASE("a full lossless queue makes the source wait", "[frame_queue]") {
    FrameQueue queue(2, true);
    std::thread source([&] {
        for (int i = 0; i < 100; ++i)
            queue.push(numbered(i));
        queue.close(nullptr);
    });
    for (int i = 0; i < 100; ++i)
        CHECK(queue.pop({})->number == i);
    CHECK_FALSE(queue.pop({}));
    CHECK(queue.dropped() == 0);
    source.join();
}

TEST_CASE("stopping ends both ends of a queue, and failures come after the frames before them", "[frame_queue]") {
    FrameQueue queue(1, true);
    REQUIRE(queue.push(numbered(0)));
    std::thread source([&] { CHECK_FALSE(queue.push(numbered(1))); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    queue.stop();
    source.join();
    CHECK_FALSE(queue.pop({}));

    FrameQueue failing(4, false);
    failing.push(numbered(0));
    failing.close(std::make_exception_ptr(Error("broken")));
    CHECK(failing.pop({})->number == 0);
    CHECK_THROWS_WITH(failing.pop({}), "broken");

    FrameQueue silent(4, false);
    CHECK_THROWS_AS(silent.pop([] { return true; }), Interrupted);
}
