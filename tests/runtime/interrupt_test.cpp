#include "runtime/interrupt.h"

#include <catch2/catch.hpp>
#include <csignal>

using namespace afnet;

TEST_CASE("interrupt: SIGUSR1 asks once for a save, and ends nothing", "[interrupt]") {
    catch_save_requests();
    CHECK_FALSE(take_save_request());
    for (int repeat = 0; repeat < 2; repeat++) {
        std::raise(SIGUSR1);
        std::raise(SIGUSR1);
        CHECK(take_save_request());
        CHECK_FALSE(take_save_request());
    }
    CHECK_FALSE(interrupted());
    std::signal(SIGUSR1, SIG_DFL);
}
