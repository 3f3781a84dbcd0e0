// Which steps of training are measured as what, and how their figures are added up.
#include "bench/training_bench.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "model/lowering.h"

using namespace afnet;

namespace {

TrainingRow row(const char *part, int count, double ms, double gmac, double percent, double bytes = 0) {
    TrainingRow r;
    r.part = part;
    r.count = count;
    r.threads = 1;
    r.ms = summarize({ms});
    r.gmac = gmac;
    r.bytes = bytes;
    r.percent_of_peak = percent;
    return r;
}

} // namespace

TEST_CASE("steps of training are told by what they compute", "[bench]") {
    for (const char *name : {"af_resnet50_tsm", "af_mobilenetv3_tsm"}) {
        const TrainingPlan training = lower_training(shipped_model(name), {}, {});
        std::map<std::string, int> parts;
        std::map<std::string, double> macs;
        for (const Step &step : training.plan.steps) {
            const std::string part = training_part(step);
            parts[part]++;
            macs[part] += step.macs * step.frames;
            CHECK((part == "other") == (step.kernel.generator.rfind("conv2d_", 0) != 0 &&
                                        step.kernel.generator.rfind("depthwise_", 0) != 0));
        }
        INFO(name);
        // Nobody asks for the gradient of the video.
        CHECK(parts["forward"] == parts["grad_weights"]);
        CHECK(parts["forward"] == parts["grad_input"] + 1);
        CHECK(macs["forward"] == Approx(macs["grad_weights"]));
        CHECK(macs["forward"] > macs["grad_input"]);
        CHECK(parts["other"] > parts["forward"]);
    }
}

TEST_CASE("kernels of training are summed as often as they occur", "[bench]") {
    std::vector<TrainingRow> rows = {row("forward", 3, 2, 0.2, 80), row("grad_input", 1, 4, 0.1, 20),
                                     row("grad_weights", 2, 3, 0.3, 50), row("other", 5, 1, 0, 0, 1000)};
    rows.push_back(row("forward", 3, 1, 0.2, 90));
    rows.back().threads = 2;
    rows[3].percent_of_memory = 40;
    const std::vector<TrainingSum> sums = sum_training(rows);
    REQUIRE(sums.size() == 6);
    CHECK(sums[0].part == "forward");
    CHECK(sums[0].ms == Approx(6));
    CHECK(sums[0].gmac == Approx(0.6));
    CHECK(sums[0].percent_of_peak == Approx(80));
    CHECK(sums[3].part == "gradients");
    CHECK(sums[3].ms == Approx(10));
    CHECK(sums[3].gmac == Approx(0.7));
    CHECK(sums[3].percent_of_peak == Approx((4 * 20 + 6 * 50) / 10.0));
    CHECK(sums[4].part == "other");
    CHECK(sums[4].bytes == Approx(5000));
    CHECK(sums[4].percent_of_memory == Approx(40));
    CHECK(sums[5].threads == 2);
    CHECK(sums[5].percent_of_peak == Approx(90));
}
