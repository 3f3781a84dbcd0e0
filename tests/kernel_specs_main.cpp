// Prints the test kernels' specs for `afnet compile --specs`: those of kTestLibrary, or of the library named.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/kernel_cases.h"

int main(int argc, char **argv) {
    const bool traced = argc > 1 && std::string(argv[1]) == afnet::kTracedLibrary;
    nlohmann::json rows = nlohmann::json::array();
    for (const afnet::KernelSpec &spec : traced ? afnet::traced_kernels() : afnet::test_kernels()) {
        rows.push_back({{"generator", spec.generator}, {"params", spec.params}});
    }
    std::printf("%s\n", rows.dump(1).c_str());
    return 0;
}
