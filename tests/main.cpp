// The runner of all Catch tests: Halide's errors are ours before the first kernel is called.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "runtime/halide_host.h"

int main(int argc, char **argv) {
    afnet::configure_halide(2);
    return Catch::Session().run(argc, argv);
}
