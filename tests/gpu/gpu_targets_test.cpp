// Targets for GPUs beside those for CPUs: which kernels they have, and that nobody takes them by mistake.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "model/lowering.h"
#include "runtime/target.h"

using namespace afnet;

namespace {

std::vector<Target> gpu_targets() {
    std::vector<Target> result;
    std::copy_if(targets().begin(), targets().end(), std::back_inserter(result),
                 [](const Target &target) { return target.gpu != GpuInterface::None; });
    return result;
}

} // namespace

TEST_CASE("every kernel of inference but those of masks in space has a schedule for GPUs", "[target]") {
    REQUIRE(gpu_targets().size() >= 2);
    const std::set<std::string> spatial = {"conv2d_points", "conv2d_tiles", "fuse_owed_branches", "mask_pixels",
                                           "owe_patches",   "owed_mean",    "patch_choice",       "settle_patches",
                                           "spatial_navigation", "tile_list"};
    for (const ModelDescription &model : shipped_models()) {
        for (const KernelSpec &spec : kernel_specs(model, Dtype::F32)) {
            if (spatial.count(spec.generator) > 0) continue;
            for (const Target &target : gpu_targets()) {
                INFO(spec.name() << " of " << model.name << " on " << target.name);
                CHECK(has_kernel(target, spec));
            }
        }
    }
}

TEST_CASE("a GPU's target is never chosen for the CPU, and has no kernels of other dtypes", "[target]") {
    for (const Target &target : gpu_targets()) {
        INFO(target.name);
        CHECK_FALSE(runs_here(target));
        CHECK_THROWS(choose_target(nullptr, {target.name}));
        CHECK_FALSE(has_kernel(target, KernelSpec("conv2d").set("dtype", "bf16")));
        CHECK_FALSE(has_kernel(target, KernelSpec("sgd_step")));
    }
}
