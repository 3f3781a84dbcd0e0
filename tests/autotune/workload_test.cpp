// Which kernels are tuned, where they run, and that variants of a step are compared on equal data.
#include <catch2/catch.hpp>

#include "autotune/model_arguments.h"
#include "autotune/step_contest.h"
#include "autotune/workload.h"
#include "runtime/error.h"
#include "runtime/json.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

const std::string kSmall = AFNET_FIXTURES "/models/small_af_resnet.json";

Runs small_runs(std::vector<double> ratios = {0.5}) {
    Runs runs;
    runs.models = described_models({kSmall});
    runs.size = 64;
    runs.ratios = std::move(ratios);
    return runs;
}

double steps_of(const std::vector<Workload> &work) {
    double steps = 0;
    for (const Workload &workload : work) {
        for (const Occurrence &occurrence : workload.occurrences)
            steps += occurrence.weight;
    }
    return steps;
}

RunShape small_shape() {
    RunShape shape;
    shape.frames = 4;
    shape.width = shape.height = 64;
    return shape;
}

} // namespace

TEST_CASE("kernels are chosen by glob, each once, in the order of their names", "[tune]") {
    const auto names = [](const std::vector<std::string> &globs) {
        std::vector<std::string> result;
        for (const Workload &workload : workloads(small_runs(), globs))
            result.push_back(workload.kernel.name());
        return result;
    };
    CHECK(names({"stem_c16"}) == std::vector<std::string>{"stem_c16"});
    CHECK(names({"stem*", "stem_c1?"}) == std::vector<std::string>{"stem_c16"});
    const auto linears = names({"linear*"});
    CHECK(linears == std::vector<std::string>{"linear_linear", "linear_relu", "linear_sigmoid"});
    CHECK(names({"*k3s2g1_8x8*"}).size() == 1);
    CHECK_THROWS_AS(names({"nosuch*"}), UsageError);
}

TEST_CASE("all steps of a plan are occurrences, alike ones together", "[tune]") {
    const LoweredNetwork network = lower(small_runs().models.front(), small_shape());
    CHECK(steps_of(workloads(small_runs(), {"*"})) == Approx(double(network.plan.steps.size())));
    // Ratios weigh alike.
    CHECK(steps_of(workloads(small_runs({0.25, 0.75}), {"conv2d*"})) ==
          Approx(steps_of(workloads(small_runs(), {"conv2d*"}))));
    // Two models that run the same steps double the weights and nothing else.
    Runs twice = small_runs();
    twice.models.push_back(twice.models.front());
    const auto once = workloads(small_runs(), {"conv2d*"}), both = workloads(twice, {"conv2d*"});
    CHECK(steps_of(both) == Approx(2 * steps_of(once)));
    REQUIRE(both.size() == once.size());
    CHECK(both.front().gmac() == Approx(2 * once.front().gmac()));
    CHECK(both.front().occurrences.size() == once.front().occurrences.size());
}

TEST_CASE("the ratio says how many frames listed steps compute", "[tune]") {
    const auto selected = [](double ratio, const char *glob) {
        return workloads(small_runs({ratio}), {glob}).front().occurrences.front().selected;
    };
    CHECK(selected(0.5, "*_gather") == 2);
    CHECK(selected(0.25, "*_scatter") == 1);
    CHECK(selected(0.5, "stem*") == -1);
    // Steps that compute nothing are none.
    CHECK_THROWS_AS(selected(0, "*_gather"), UsageError);
    Runs deep = small_runs({0.75});
    deep.models = {shipped_model("af_resnet50")};
    CHECK(workloads(deep, {"fill_unselected*"}).front().occurrences.front().selected == 9);
    deep.ratios = {1};
    CHECK_THROWS_AS(workloads(deep, {"fill_unselected*"}), UsageError);
    CHECK(workloads(small_runs({0.5}), {"*_16x16_relu_gather"}).front().gmac() ==
          Approx(2 * workloads(small_runs({0.25}), {"*_16x16_relu_gather"}).front().gmac()));
}

TEST_CASE("an occurrence survives the way to the measuring process", "[tune]") {
    Runs runs = small_runs();
    runs.dtype = Dtype::BF16;
    const Occurrence before = workloads(runs, {"*_gather"}).front().occurrences.front();
    const Occurrence after = occurrence_from(occurrence_json(before));
    CHECK(description_text(after.model) == description_text(before.model));
    CHECK(after.run.frames == before.run.frames);
    CHECK(after.run.width == 64);
    CHECK(after.run.height == 64);
    CHECK(after.run.dtype == Dtype::BF16);
    CHECK(after.step == before.step);
    CHECK(after.selected == before.selected);
    CHECK(after.weight == before.weight);
    CHECK(after.shape == before.shape);
}

TEST_CASE("variants of every step agree across targets, before and after they were timed", "[tune]") {
    std::vector<KernelStore *> variants;
    for (const Target &target : runnable_targets())
        variants.push_back(&test_kernel_store(target));
    variants.push_back(variants.front());
    for (const Workload &workload : workloads(small_runs(), {"[!f]*", "fuse*"})) { // fill_unselected needs F(0)
        for (const Occurrence &occurrence : workload.occurrences) {
            INFO(workload.kernel.name() << " at " << occurrence.label);
            StepContest contest(occurrence, variants, 1);
            const std::vector<double> first = contest.differences();
            REQUIRE(first.size() == variants.size());
            CHECK(first.front() == 0);
            CHECK(first.back() == 0); // the same kernel on memory of its own
            for (double difference : first)
                CHECK(difference <= 2e-5);
            const auto ms = contest.time({2, 1});
            REQUIRE(ms.size() == variants.size());
            for (const auto &samples : ms)
                CHECK(samples.size() == 2);
            // What works in place must start from the same data again, however often each variant ran.
            CHECK(contest.differences() == first);
        }
    }
}
