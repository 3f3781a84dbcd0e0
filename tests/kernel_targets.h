// Every target whose kernels this machine can run: tests of kernels go over all of them.
#pragma once

#include <memory>
#include <vector>

#include "runtime/kernel_library.h"

namespace afnet {

inline std::vector<Target> runnable_targets() {
    std::vector<Target> result;
    for (const Target &target : targets()) {
        if (runs_here(target)) result.push_back(target);
    }
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
