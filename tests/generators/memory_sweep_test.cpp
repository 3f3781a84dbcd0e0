// The passes over memory against their definitions, whole steps and tails.
#include <catch2/catch.hpp>
#include <cmath>

#include "runtime/executor.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

constexpr int kTasks = 3;
constexpr float kAddend = 0.5f;

// Small whole numbers, so that sums are exact in any order.
float element(int i, int task) {
    return float((i * 7 + task * 13) % 31 - 15);
}

// Runs the kernel on `count` elements for each of kTasks tasks; NaN around the output where nothing was stored.
std::vector<float> swept(const Target &target, bool writes, int count, int out) {
    Plan plan;
    const auto tensor = [&](const char *name, int extent, Storage storage) {
        TensorInfo info;
        info.name = name;
        info.extents = {extent, kTasks};
        info.storage = storage;
        return plan.add(info);
    };
    const TensorId input = tensor("input", count, Storage::Input), output = tensor("output", out, Storage::Input);
    Step step;
    step.label = "sweep";
    step.kernel = KernelSpec("memory_sweep").set("writes", writes);
    step.arguments = {{"input", input}, {"output", output}};
    step.scalars = {{"addend", kAddend}};
    plan.steps = {step};
    Executor executor(plan, test_kernel_store(target), kTestLibrary);
    auto *in = static_cast<float *>(executor.memory(input).data);
    for (int task = 0; task < kTasks; task++) {
        for (int i = 0; i < count; i++)
            in[task * count + i] = element(i, task);
    }
    auto *result = static_cast<float *>(executor.memory(output).data);
    std::fill_n(result, out * kTasks, std::nanf(""));
    executor.run();
    return std::vector<float>(result, result + out * kTasks);
}

}  // namespace

TEST_CASE("a copying pass reads and writes every element", "[memory_sweep]") {
    for (const Target &target : runnable_targets()) {
        for (int count : {1, 3, 16, 31, 64, 127, 128, 129, 1000, 1024}) {
            INFO(count << " elements on " << target.name);
            const std::vector<float> result = swept(target, true, count, count);
            for (int task = 0; task < kTasks; task++) {
                for (int i = 0; i < count; i++) {
                    REQUIRE(result[size_t(task * count + i)] == element(i, task) + kAddend);
                }
            }
        }
    }
}

TEST_CASE("a reading pass sums whole steps", "[memory_sweep]") {
    for (const Target &target : runnable_targets()) {
        const KernelSpec spec = KernelSpec("memory_sweep").set("writes", false);
        const int n = test_kernel_store(target).kernel(spec, kTestLibrary).entry->knobs.at("elements");
        for (int count : {n, 2 * n, 7 * n, 2 * n + 5, n - 1}) {
            INFO(count << " elements in steps of " << n << " on " << target.name);
            const std::vector<float> result = swept(target, false, count, n);
            for (int task = 0; task < kTasks; task++) {
                for (int i = 0; i < n; i++) {
                    float expected = kAddend;
                    for (int k = 0; k < count / n; k++)
                        expected += element(k * n + i, task);
                    REQUIRE(result[size_t(task * n + i)] == expected);
                }
            }
        }
    }
}
