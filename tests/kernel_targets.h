// Every target whose kernels this machine can run and this build has compiled: tests of kernels go over all of them.
// Targets with bf16 kernels may be none: what is about bf16 alone is skipped then.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "runtime/kernel_library.h"

namespace afnet {

inline std::vector<Target> runnable_targets(Dtype dtype = Dtype::F32) {
    std::vector<Target> result;
    for (const Target &target : targets()) {
        const std::string manifest = std::string(AFNET_TEST_KERNELS) + "/test_kernels." + target.name + ".json";
        if (has_dtype(target, dtype) && runs_here(target) && std::filesystem::exists(manifest))
            result.push_back(target);
    }
    if (result.empty() && dtype == Dtype::F32) throw std::runtime_error("no test kernels run here");
    return result;
}

/// The dtypes that some target computes here.
inline std::vector<Dtype> runnable_dtypes() {
    std::vector<Dtype> result = {Dtype::F32};
    if (!runnable_targets(Dtype::BF16).empty()) result.push_back(Dtype::BF16);
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
