#include "tests/sparse_training_cases.h"

namespace afnet {

std::vector<KernelSpec> sparse_training_kernels() {
    std::vector<KernelSpec> specs = {
        KernelSpec("work_list").set("mask_of_numbers", true), KernelSpec("scatter_frames_grad"),
        KernelSpec("relu_grad"), KernelSpec("selection_grad"), KernelSpec("batch_norm_running").set("listed", true)};
    for (const bool flag : {false, true}) {
        specs.push_back(KernelSpec("gather_frames").set("shift", flag));
        for (const bool accumulate : {false, true})
            specs.push_back(KernelSpec("gather_frames_grad").set("shift", flag).set("accumulate", accumulate));
        for (const char *activation : {"relu", "linear"})
            specs.push_back(KernelSpec("scatter_frames").set("activation", activation).set("add_branch", flag));
    }
    for (size_t i = 0, count = specs.size(); i < count; i++) {
        KernelSpec doubles = specs[i];
        specs.push_back(doubles.set("dtype", "f64"));
    }
    return specs;
}

} // namespace afnet
