// Prints the test kernels' specs for `afnet compile --specs`: those of kTestLibrary, or of the library named.
#include <cstdio>
#include <string>

#include "runtime/json.h"
#include "tests/kernel_cases.h"

int main(int argc, char **argv) {
    const std::string library = argc > 1 ? argv[1] : afnet::kTestLibrary;
    nlohmann::json rows = nlohmann::json::array();
    const auto add = [&](const std::vector<afnet::KernelSpec> &specs) {
        for (const afnet::KernelSpec &spec : specs) {
            rows.push_back({{"generator", spec.generator}, {"params", spec.params}});
        }
    };
    if (library == afnet::kTestLibrary) add(afnet::test_kernels());
    if (library == afnet::kTracedLibrary) add(afnet::traced_kernels());
    for (const afnet::KernelVariant &variant : afnet::kernel_variants()) {
        if (library != variant.library) continue;
        add(variant.specs);
        for (nlohmann::json &row : rows)
            row["knobs"] = variant.knobs;
    }
    if (rows.empty()) {
        std::fprintf(stderr, "%s: no library of test kernels has this name\n", library.c_str());
        return 1;
    }
    std::printf("%s\n", rows.dump(1).c_str());
    return 0;
}
