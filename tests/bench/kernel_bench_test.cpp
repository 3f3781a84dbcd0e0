// Which kernels are measured, and how their figures are added up.
#include "bench/kernel_bench.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <set>
#include <string>

#include "bench/stages.h"

using namespace afnet;

namespace {

KernelRow row(const char *kernel, int count, double ms, double gmac, double percent) {
    KernelRow r;
    r.kernel = kernel;
    r.layer = std::string("layer of ") + kernel;
    r.count = count;
    r.convolution = true;
    r.ms = summarize({ms});
    r.gmac = gmac;
    r.percent_of_peak = percent;
    return r;
}

}  // namespace

TEST_CASE("every step is counted with its kernel and shape", "[bench]") {
    for (const char *name : {"af_resnet50_tsm", "resnet50", "af_mobilenetv3_tsm"}) {
        const Plan plan = lower(shipped_model(name), {}).plan;
        const std::vector<DistinctStep> distinct = distinct_steps(plan);
        std::set<std::string> kernels, measured;
        for (const Step &step : plan.steps)
            kernels.insert(step.kernel.name());
        size_t steps = 0;
        for (const DistinctStep &d : distinct) {
            measured.insert(plan.steps[d.index].kernel.name());
            steps += size_t(d.count);
        }
        INFO(name);
        CHECK(measured == kernels);
        CHECK(steps == plan.steps.size());
        CHECK(distinct.size() < plan.steps.size());
    }
}

TEST_CASE("a filter passes kernels and layers", "[bench]") {
    const Plan plan = lower(shipped_model("af_resnet50"), {}).plan;
    for (const DistinctStep &d : distinct_steps(plan, "conv2d_k3*")) {
        CHECK(plan.steps[d.index].kernel.params.at("kernel") == "3");
    }
    // A layer is found although an earlier one runs the same kernel.
    const std::vector<DistinctStep> found = distinct_steps(plan, "layer4.2.conv?");
    REQUIRE(found.size() == 3);
    CHECK(plan.steps[found[0].index].label == "layer4.2.conv1");
    CHECK(found[0].count == 1);
    CHECK(distinct_steps(plan, "nosuch").empty());
}

TEST_CASE("a kernel on two shapes is measured on both", "[bench]") {
    const Plan plan = lower(shipped_model("af_mobilenetv3_tsm"), {}).plan;
    // Linears and element-wise kernels take any number of channels: their names do not tell.
    std::set<std::vector<int>> inputs, measured;
    const auto is_linear = [](const Step &step) { return step.kernel.name() == "linear_relu"; };
    const auto extents = [&](const Step &step) {
        std::vector<int> all;
        for (const Argument &argument : step.arguments) {
            const std::vector<int> &own = plan.tensors[size_t(argument.tensor)].extents;
            all.insert(all.end(), own.begin(), own.end());
        }
        return all;
    };
    for (const Step &step : plan.steps) {
        if (is_linear(step)) inputs.insert(extents(step));
    }
    for (const DistinctStep &d : distinct_steps(plan)) {
        if (is_linear(plan.steps[d.index])) CHECK(measured.insert(extents(plan.steps[d.index])).second);
    }
    CHECK(inputs.size() > 3);
    CHECK(measured == inputs);
}

TEST_CASE("convolutions are summed as often as they occur", "[bench]") {
    std::vector<KernelRow> rows = {row("a", 3, 2, 0.2, 80), row("b", 1, 4, 0.1, 20), row("stem", 1, 9, 9, 1)};
    rows[2].convolution = false;
    rows.push_back(row("a", 3, 1, 0.2, 90));
    rows[3].setting.threads = 2;
    const std::vector<ConvolutionSum> sums = sum_convolutions(rows);
    REQUIRE(sums.size() == 2);
    CHECK(sums[0].ms == Approx(3 * 2 + 4));
    CHECK(sums[0].gmac == Approx(3 * 0.2 + 0.1));
    // MACs over what the peak would do in the same time, which is the mean of shares weighted by time.
    CHECK(sums[0].percent_of_peak == Approx((6 * 80 + 4 * 20) / 10.0));
    CHECK(sums[0].least_percent == 20);
    CHECK(sums[0].least_kernel == "b");
    CHECK(sums[0].least_layer == "layer of b");
    CHECK(sums[1].setting.threads == 2);
    CHECK(sums[1].percent_of_peak == Approx(90));
}

TEST_CASE("candidates run in turn, each after it was prepared", "[bench]") {
    std::string order;
    const auto samples = interleave({[&] { order += 'A'; }, [&] { order += 'B'; }}, 2, 60,
                                    [&](size_t) { order += '|'; }, [&](size_t i) { order += char('a' + i); });
    CHECK(order == "aAbB|aAbB|aAbB"); // the first turn is not measured
    REQUIRE(samples.size() == 2);
    CHECK(samples[0].size() == 2);
    CHECK(samples[1].size() == 2);
}

TEST_CASE("a step computes the frames that are for it", "[bench]") {
    Step step;
    step.frames = 12;
    CHECK(computed_frames(step, 5) == 12);
    step.count = 0;
    step.arguments = {{"input", 1, Frames::All}, {"output", 2, Frames::Selected}};
    CHECK(computed_frames(step, 5) == 5);
    step.arguments[1].frames = Frames::Unselected;
    CHECK(computed_frames(step, 5) == 7);
}
