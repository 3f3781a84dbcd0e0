#include "tests/kernel_targets.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>

#include "runtime/file_io.h"
#include "tests/gpu/device_memory.h"
#include "tests/temporary_folder.h"
#include "tests/tile_emulator.h"

namespace afnet {

namespace {

namespace fs = std::filesystem;

bool has_test_kernels(const Target &target) {
    return fs::exists(std::string(AFNET_TEST_KERNELS) + "/test_kernels." + target.name + ".json");
}

// The same libraries under manifests that do not ask for what is emulated.
void write_manifests_without_tiles(const std::string &from, const std::string &to) {
    for (const auto &file : fs::directory_iterator(from)) {
        const std::string copy = to + "/" + file.path().filename().string();
        if (file.path().extension() == ".so") fs::create_symlink(fs::absolute(file.path()), copy);
        if (file.path().extension() != ".json") continue;
        Manifest manifest = read_manifest(file.path().string());
        auto &features = manifest.features;
        features.erase(std::remove_if(features.begin(), features.end(),
                                      [](const std::string &feature) { return feature.rfind("amx", 0) == 0; }),
                       features.end());
        write_file(copy, manifest_text(manifest));
    }
}

// The folder itself, or one that lasts as long as the program.
std::string executable_folder(const std::string &folder, const Target &target) {
    if (runs_here(target)) return folder;
    static std::map<std::string, std::unique_ptr<TemporaryFolder>> copies;
    auto &copy = copies[folder];
    if (!copy) {
        copy = std::make_unique<TemporaryFolder>();
        write_manifests_without_tiles(folder, copy->path());
    }
    return copy->path();
}

} // namespace

std::vector<Target> runnable_targets(Dtype dtype) {
    std::vector<Target> result;
    for (const Target &target : targets()) {
        if (dtype == Dtype::F64 && target.name != AFNET_F64_TEST_TARGET) continue;
        if (has_dtype(target, dtype) && runs_here(target) && has_test_kernels(target) &&
            has_libraries(AFNET_KERNEL_DIR, target)) {
            result.push_back(target);
        }
    }
    if (result.empty() && dtype == Dtype::F32) throw std::runtime_error("no test kernels run here");
    return result;
}

std::vector<Dtype> runnable_dtypes() {
    std::vector<Dtype> result = {Dtype::F32};
    if (!runnable_targets(Dtype::BF16).empty()) result.push_back(Dtype::BF16);
    return result;
}

std::vector<Target> executable_targets(Dtype dtype) {
    std::vector<Target> result;
    for (const Target &target : targets()) {
        if (!has_dtype(target, dtype) || !has_test_kernels(target)) continue;
        const bool emulated =
            target.gpu == GpuInterface::None && target.fits && !runs_here(target) && tiles_can_be_emulated(target.features);
        if (emulated) emulate_tiles();
        if (emulated || runs_here(target)) result.push_back(target);
    }
    return result;
}

std::vector<Target> executable_targets(const KernelSpec &spec) {
    std::vector<Target> result = executable_targets(dtype_of(spec));
    result.erase(
        std::remove_if(result.begin(), result.end(), [&](const Target &target) { return !has_kernel(target, spec); }),
        result.end());
    return result;
}

bool testing_gpu() {
    const char *set = std::getenv("AFNET_TEST_GPU");
    return set && *set;
}

std::vector<Target> called_targets(Dtype dtype) {
    if (!testing_gpu()) return runnable_targets(dtype);
    if (!opencl_obstacle().empty()) throw std::runtime_error(opencl_obstacle());
    const Target &target = target_named("opencl");
    if (!has_dtype(target, dtype)) return {};
    return {target};
}

std::vector<Target> called_targets(const KernelSpec &spec) {
    if (!testing_gpu()) return executable_targets(spec);
    std::vector<Target> result = called_targets(dtype_of(spec));
    if (!result.empty() && !has_kernel(result.front(), spec)) result.clear();
    return result;
}

std::vector<Dtype> called_dtypes() {
    return testing_gpu() ? std::vector<Dtype>{Dtype::F32} : runnable_dtypes();
}

bool has_libraries(const std::string &folder, const Target &target) {
    const std::string ending = "." + target.name + ".json";
    for (const auto &file : fs::directory_iterator(folder)) {
        const std::string name = file.path().filename().string();
        if (name.size() > ending.size() && name.substr(name.size() - ending.size()) == ending) return true;
    }
    return false;
}

std::unique_ptr<KernelStore> open_kernels(const std::string &folder, const Target &target) {
    return std::make_unique<KernelStore>(executable_folder(folder, target), target);
}

KernelStore &test_kernel_store(const Target &target) {
    static std::map<std::string, std::unique_ptr<KernelStore>> stores;
    auto &store = stores[target.name];
    if (!store) store = open_kernels(AFNET_TEST_KERNELS, target);
    return *store;
}

} // namespace afnet
