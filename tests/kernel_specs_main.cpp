// Writes the specs of test kernels for `afnet compile --specs`: FOLDER/LIBRARY.json for each library named.
// Usage: test_kernel_specs FOLDER [--without-f64] LIBRARY...
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "runtime/file_io.h"
#include "runtime/json.h"
#include "tests/kernel_cases.h"

namespace {

using namespace afnet;

nlohmann::json rows_of(const std::string &library, bool with_f64) {
    nlohmann::json rows = nlohmann::json::array();
    const auto add = [&](const std::vector<KernelSpec> &specs, const std::map<std::string, int> &knobs = {}) {
        for (const KernelSpec &spec : specs) {
            if (!with_f64 && dtype_of(spec) == Dtype::F64) continue;
            nlohmann::json row = {{"generator", spec.generator}, {"params", spec.params}};
            if (!knobs.empty()) row["knobs"] = knobs;
            rows.push_back(std::move(row));
        }
    };
    if (library == kTestLibrary) add(test_kernels());
    if (library == kTracedLibrary) add(traced_kernels());
    for (const KernelVariant &variant : kernel_variants()) {
        if (library == variant.library) add(variant.specs, variant.knobs);
    }
    if (rows.empty()) throw std::runtime_error(library + ": no library of test kernels has this name");
    return rows;
}

} // namespace

int main(int argc, char **argv) {
    try {
        if (argc < 3) throw std::runtime_error("usage: test_kernel_specs FOLDER [--without-f64] LIBRARY...");
        const std::string folder = argv[1];
        const bool with_f64 = std::strcmp(argv[2], "--without-f64") != 0;
        std::filesystem::create_directories(folder);
        for (int i = with_f64 ? 2 : 3; i < argc; i++)
            write_file(folder + "/" + argv[i] + ".json", rows_of(argv[i], with_f64).dump(1) + "\n");
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
