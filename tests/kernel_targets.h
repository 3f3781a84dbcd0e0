// Every target whose kernels this machine can run and this build has compiled: tests of kernels go over all of them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "runtime/kernel_library.h"

namespace afnet {

inline std::vector<Target> runnable_targets() {
    std::vector<Target> result;
    for (const Target &target : targets()) {
        const std::string manifest = std::string(AFNET_TEST_KERNELS) + "/test_kernels." + target.name + ".json";
        if (runs_here(target) && std::filesystem::exists(manifest)) result.push_back(target);
    }
    if (result.empty()) throw std::runtime_error("no test kernels run here");
    return result;
}

/// The test kernels of a target; opened once per program.
inline KernelStore &test_kernel_store(const Target &target) {
    static std::map<std::string, std::unique_ptr<KernelStore>> stores;
    auto &store = stores[target.name];
    if (!store) store = std::make_unique<KernelStore>(AFNET_TEST_KERNELS, target);
    return *store;
}

}  // namespace afnet
