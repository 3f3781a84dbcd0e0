#include "tests/spatial_training_cases.h"

namespace afnet {

KernelSpec mask_patches_grad_spec(bool framed, bool accumulate, bool accumulate_mask) {
    return KernelSpec("mask_patches_grad")
        .set("framed", framed)
        .set("accumulate", accumulate)
        .set("accumulate_mask", accumulate_mask);
}

std::vector<KernelSpec> spatial_training_kernels() {
    std::vector<KernelSpec> specs = {KernelSpec("grid_pool"), KernelSpec("grid_pool_grad"),
                                     KernelSpec("spatial_gate_forward"), KernelSpec("spatial_gate_grad"),
                                     mask_patches_grad_spec(false, true, true)};
    for (const bool framed : {false, true}) {
        specs.push_back(KernelSpec("mask_patches").set("framed", framed));
        for (const bool accumulate : {false, true}) {
            specs.push_back(mask_patches_grad_spec(framed, false, accumulate));
            specs.push_back(KernelSpec("patch_ratio_loss").set("framed", framed).set("accumulate", accumulate));
        }
    }
    for (size_t i = 0, count = specs.size(); i < count; i++) {
        KernelSpec doubles = specs[i];
        specs.push_back(doubles.set("dtype", "f64"));
    }
    specs.push_back(KernelSpec("spatial_navigation").set("hidden", 4));
    specs.push_back(KernelSpec("spatial_navigation").set("hidden", 3));
    return specs;
}

} // namespace afnet
