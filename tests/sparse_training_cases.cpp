#include "tests/sparse_training_cases.h"

namespace afnet {

std::vector<KernelSpec> sparse_training_kernels() {
    std::vector<KernelSpec> specs = {
        KernelSpec("work_list").set("mask_of_numbers", true), KernelSpec("scatter_frames_grad"),
        KernelSpec("relu_grad"), KernelSpec("selection_grad"), KernelSpec("batch_norm_running").set("listed", true)};
    for (const char *generator : {"surround_tiles", "scatter_tiles_grad"})
        specs.emplace_back(generator);
    for (const int groups : {1, 2})
        specs.push_back(KernelSpec("turned_filters").set("groups", groups));
    for (const bool flag : {false, true}) {
        for (const char *generator : {"patch_tiles", "patch_selection_grad"})
            specs.push_back(KernelSpec(generator).set("framed", flag));
        specs.push_back(KernelSpec("gather_frames").set("shift", flag));
        specs.push_back(KernelSpec("gather_tiles").set("shift", flag));
        for (const char *moved : {"frames", "tiles"}) {
            const std::string gather = std::string("gather_") + moved, scatter = std::string("scatter_") + moved;
            for (const bool accumulate : {false, true})
                specs.push_back(KernelSpec(gather + "_grad").set("shift", flag).set("accumulate", accumulate));
            for (const char *activation : {"relu", "linear"})
                specs.push_back(KernelSpec(scatter).set("activation", activation).set("add_branch", flag));
        }
    }
    for (size_t i = 0, count = specs.size(); i < count; i++) {
        KernelSpec doubles = specs[i];
        specs.push_back(doubles.set("dtype", "f64"));
    }
    return specs;
}

} // namespace afnet
