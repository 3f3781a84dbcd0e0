// What the executor refuses, and in which words.
#include <catch2/catch.hpp>

#include "runtime/error.h"
#include "runtime/executor.h"
#include "tests/kernel_targets.h"

using namespace afnet;
using Catch::Contains;

namespace {

// One step on small tensors that a test may damage.
struct SmallPlan {
    Plan plan;
    TensorId input, output;

    SmallPlan() {
        input = add("input", {4, 3, 2, 1}, Storage::Input);
        output = add("output", {4, 1}, Storage::Kept);
        Step step;
        step.label = "pool";
        step.kernel = KernelSpec("spatial_mean").set("upsample", false);
        step.arguments = {{"input", input}, {"coarse", input}, {"output", output}};
        plan.steps.push_back(step);
    }
    TensorId add(const char *name, std::vector<int> extents, Storage storage,
                 ElementType type = ElementType::Float32) {
        TensorInfo info;
        info.name = name;
        info.type = type;
        info.extents = std::move(extents);
        info.storage = storage;
        return plan.add(info);
    }
    void run() { Executor(plan, test_kernel_store(runnable_targets().back()), "").run(); }
};

}  // namespace

TEST_CASE("the executor runs a sound plan and says what is wrong with others", "[executor]") {
    SmallPlan small;
    Step &step = small.plan.steps[0];
    CHECK_NOTHROW(small.run());
    SECTION("a missing tensor") {
        step.arguments.pop_back();
        CHECK_THROWS_WITH(small.run(), Contains("step pool") && Contains("argument output") && Contains("no tensor"));
    }
    SECTION("a missing value") {
        const TensorId mask = small.add("mask", {4}, Storage::Input, ElementType::Int32);
        const TensorId sources = small.add("sources", {3, 4}, Storage::Arena, ElementType::Int32);
        const TensorId count = small.add("count", {1}, Storage::Arena, ElementType::Int32);
        step.kernel = KernelSpec("work_list");
        step.arguments = {{"mask", mask}, {"sources", sources}, {"count", count}};
        CHECK_THROWS_WITH(small.run(), Contains("frames_per_clip") && Contains("no value"));
    }
    SECTION("another number of dimensions") {
        small.plan.tensors[size_t(small.output)].extents = {4, 1, 1};
        CHECK_THROWS_WITH(small.run(), Contains("argument output") && Contains("[4, 1, 1]") && Contains("3 dimensions"));
    }
    SECTION("another type of elements") {
        small.plan.tensors[size_t(small.input)].type = ElementType::Int32;
        CHECK_THROWS_WITH(small.run(), Contains("wrong element type in input"));
    }
    SECTION("a constant that was never filled") {
        small.plan.tensors[size_t(small.input)].storage = Storage::Constant;
        CHECK_THROWS_WITH(small.run(), Contains("constant input was never filled"));
    }
    SECTION("a constant with more elements than its extents say") {
        small.plan.tensors[size_t(small.input)].storage = Storage::Constant;
        Executor executor(small.plan, test_kernel_store(runnable_targets().back()), "");
        CHECK_THROWS_WITH(executor.set_constant(small.input, {2}, std::vector<float>(100)), Contains("need 8"));
    }
    SECTION("extents that do not fit together") {
        small.plan.tensors[size_t(small.output)].extents = {5, 1};
        CHECK_THROWS_WITH(small.run(), Contains("step pool (spatial_mean) failed") && Contains("input"));
    }
    SECTION("a kernel that no library holds") {
        step.kernel.set("upsample", "sideways");
        CHECK_THROWS_WITH(small.run(), Contains("sideways") && Contains("afnet compile"));
    }
    SECTION("a tensor beyond what Halide can address") {
        small.plan.tensors[size_t(small.output)].extents = {1 << 20, 1 << 10};
        CHECK_THROWS_WITH(small.run(), Contains("output") && Contains("GiB"));
    }
}
