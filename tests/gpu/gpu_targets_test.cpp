// Targets for GPUs beside those for CPUs: which kernels they have, and that nobody takes them by mistake.
#include <algorithm>
#include <catch2/catch.hpp>
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

TEST_CASE("every kernel of inference on GPUs has a schedule for them", "[target]") {
    REQUIRE(gpu_targets().size() >= 2);
    for (const ModelDescription &model : shipped_models()) {
        for (const KernelSpec &spec : kernel_specs(model, Dtype::F32, true)) {
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
