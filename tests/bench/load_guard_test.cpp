// What others do to a measurement, from the system's counters.
#include "bench/load_guard.h"

#include <catch2/catch.hpp>

using namespace afnet;

namespace {

const char *const kStat = "cpu  300 30 60 900 20 5 5 10 0 0\n"
                          "cpu0 100 10 20 300 10 1 2 3 50 0\n"
                          "cpu1 200 20 40 600 10 4 3 7 0 0\n"
                          "cpu10 1000 0 0 1000 0 0 0 0 0 0\n"
                          "intr 123 0 0\nctxt 99\n";

}  // namespace

TEST_CASE("processors' times are those of the processors that count", "[bench]") {
    const ProcessorTimes first = processor_times(kStat, [](int processor) { return processor == 0; });
    CHECK(first.all == 100 + 10 + 20 + 300 + 10 + 1 + 2 + 3);
    CHECK(first.busy == 100 + 10 + 20 + 1 + 2 + 3);
    const ProcessorTimes both = processor_times(kStat, [](int processor) { return processor < 10; });
    CHECK(both.busy == first.busy + 200 + 20 + 40 + 4 + 3 + 7);
    CHECK(processor_times("nothing\ncpu\ncpux 1 2\n", [](int) { return true; }).all == 0);
}

TEST_CASE("others' share leaves out what this process did", "[bench]") {
    const ProcessorTimes from = {100, 50, 10}, to = {120, 64, 20};
    CHECK(share_of_others(from, to) == Approx(0.2));
    CHECK(share_of_others(from, from) == 0);
    // Counters tick coarsely: own time may seem to be more than all busy time.
    CHECK(share_of_others({0, 0, 0}, {10, 5, 6}) == 0);
    CHECK(share_of_others({0, 0, 0}, {10, 20, 1}) == 1);
}
