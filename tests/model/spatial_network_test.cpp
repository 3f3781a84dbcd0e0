// Whole networks with masks in space, forced, against the reference in double: by lists of pixels, by whole frames whose
// rejected pixels are cleared, and by whichever of both each block takes. With taps, down to the means of their modules;
// without them, as users run them, rejected pixels get responses late.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/clip_macs.h"
#include "model/lowering.h"
#include "model/macs.h"
#include "runtime/error.h"
#include "tests/model/network_run.h"

using namespace afnet;

namespace {

constexpr double kTolerance = 2e-5;   // of a tensor's largest magnitude, as in network_test.cpp
constexpr double kBothWays = 4e-6; // each kernel agrees within 1e-6; a network adds roundings up
constexpr double kNeverWhole = 2, kAlwaysWhole = -1;
constexpr double kBasic = 3; // basic blocks are never computed whole

NetworkRun spatial_run(const ModelDescription &description, int frames, int clips, int width, int height, int grid,
                       PatchShape shape, double rs) {
    NetworkRun run;
    run.description = description;
    run.shape.frames = frames;
    run.shape.clips = clips;
    run.shape.width = width;
    run.shape.height = height;
    run.shape.forced_grid = grid;
    run.shape.taps = true;
    run.masks = Masks::Random;
    run.patches = shape;
    run.rs = rs;
    return run;
}

NetworkRun spatial_run(bool shift, int frames, int clips, int width, int height, int grid, PatchShape shape,
                       double rs) {
    return spatial_run(small_af_resnet(shift), frames, clips, width, height, grid, shape, rs);
}

double difference(const reference::NamedTensor &actual, const reference::NamedTensor &expected) {
    double largest = 0, magnitude = 1e-30;
    REQUIRE(actual.data.size() == expected.data.size());
    for (size_t i = 0; i < expected.data.size(); i++) {
        if (!std::isfinite(actual.data[i])) return INFINITY;
        largest = std::max(largest, std::abs(actual.data[i] - expected.data[i]));
        magnitude = std::max(magnitude, std::abs(expected.data[i]));
    }
    return largest / magnitude;
}

void check(const NetworkRun &run) {
    const reference::Outputs expected = expected_outputs(run);
    REQUIRE_FALSE(targets_for(run).empty());
    for (const Target &target : targets_for(run)) {
        const auto network = open_network(run, target);
        reference::Outputs first;
        // Twice by lists: what the first run left must not show. Then back and forth.
        for (const double break_even : {kNeverWhole, kNeverWhole, kAlwaysWhole, .5, kNeverWhole}) {
            network->set_break_even(break_even);
            const reference::Outputs actual = outputs_of(*network);
            for (const auto &[name, tensor] : expected) {
                INFO(run.text() << " on " << target.name << ", taps " << run.shape.taps << ", whole above " << break_even
                                << ": " << name);
                const bool result = name.find("logits") != std::string::npos;
                if (!run.shape.taps && !result && actual.count(name) == 0) continue;
                REQUIRE(actual.count(name) == 1);
                CHECK(difference(actual.at(name), tensor) <= kTolerance);
                if (!first.empty()) CHECK(difference(actual.at(name), first.at(name)) <= kBothWays);
            }
            if (first.empty()) first = actual;
        }
    }
}

void check_both(NetworkRun run) {
    for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped}) {
        run.shape.unselected = unselected;
        for (const bool taps : {true, false}) {
            run.shape.taps = taps;
            check(run);
        }
    }
}

} // namespace

TEST_CASE("small networks with masks in space equal the reference", "[spatial_network]") {
    for (const bool shift : {false, true}) {
        check_both(spatial_run(shift, 3, 2, 45, 37, 7, PatchShape::Random, .4));
        check_both(spatial_run(shift, 2, 1, 64, 64, 4, PatchShape::Blob, .5));
    }
    check_both(spatial_run(true, 3, 1, 67, 33, 3, PatchShape::Border, .6));
    check_both(spatial_run(true, 1, 1, 32, 32, 1, PatchShape::All, 1));
}

TEST_CASE("small networks of basic blocks with masks in space equal the reference", "[spatial_network]") {
    for (const bool shift : {false, true}) {
        const ModelDescription basic = small_basic_af_resnet(shift);
        check_both(spatial_run(basic, 3, 2, 45, 37, 7, PatchShape::Random, .4));
        check_both(spatial_run(basic, 2, 1, 64, 64, 4, PatchShape::Blob, .5));
        check_both(spatial_run(basic, 2, 1, 64, 64, 8, PatchShape::Crop, 1.0 / 64)); // one patch
        check_both(spatial_run(basic, 2, 1, 65, 33, 13, PatchShape::Crop, .3));
    }
    ModelDescription shared = small_basic_af_resnet(true);
    shared.temporal_masks = TemporalMasks::Shared;
    check_both(spatial_run(shared, 3, 2, 45, 37, 4, PatchShape::Random, .4));
    check_both(spatial_run(small_basic_af_resnet(true), 3, 1, 67, 33, 3, PatchShape::Border, .6));
    check_both(spatial_run(small_basic_af_resnet(true), 1, 1, 32, 32, 1, PatchShape::All, 1));
}

TEST_CASE("masks in space that select nothing or everything", "[spatial_network]") {
    for (const ModelDescription &description : {small_af_resnet(true), small_basic_af_resnet(true)}) {
        for (const PatchShape shape : {PatchShape::None, PatchShape::All}) {
            for (const Masks masks : {Masks::None, Masks::All, Masks::Random}) {
                NetworkRun run = spatial_run(description, 2, 1, 45, 37, 7, shape, 0);
                run.masks = masks;
                check_both(run);
            }
        }
    }
}

TEST_CASE("blocks that share a temporal mask have patches of their own", "[spatial_network]") {
    for (const bool shift : {false, true}) {
        NetworkRun run = spatial_run(shift, 3, 2, 45, 37, 4, PatchShape::Random, .4);
        run.description.temporal_masks = TemporalMasks::Shared;
        check_both(run);
    }
}

TEST_CASE("MACs fall with the patches that are selected", "[spatial_network]") {
    const auto macs = [](double rs, double break_even) {
        NetworkRun run = spatial_run(true, 2, 1, 128, 128, 4, PatchShape::Centre, rs);
        run.masks = Masks::All;
        const auto network = open_network(run, targets_for(run).back());
        network->set_break_even(break_even);
        network->run();
        return network->macs();
    };
    const double none = macs(0, kNeverWhole), half = macs(.5, kNeverWhole), all = macs(1, kNeverWhole);
    CHECK(half - none == Approx((all - none) / 2));
    CHECK(macs(.25, kAlwaysWhole) == Approx(all));
    CHECK(none < .9 * all);
}

TEST_CASE("MACs of basic blocks fall with the patches that are selected", "[spatial_network]") {
    const auto macs = [](double rs) {
        NetworkRun run = spatial_run(small_basic_af_resnet(true), 2, 1, 128, 128, 4, PatchShape::Centre, rs);
        run.masks = Masks::All;
        const auto network = open_network(run, targets_for(run).back());
        network->run();
        return network->macs();
    };
    const double none = macs(0), half = macs(.5), all = macs(1);
    CHECK(half - none == Approx((all - none) / 2));
    CHECK(none < .9 * all);
    // Tiles of a whole frame are its pixels here, and lists have no more MACs than whole frames.
    RunShape shape;
    shape.frames = 2;
    shape.width = shape.height = 128;
    const MacTotals whole = total_macs(layer_macs(small_basic_af_resnet(true), shape), &LayerMacs::conv);
    shape.forced_grid = 4;
    const MacTotals listed = total_macs(layer_macs(small_basic_af_resnet(true), shape), &LayerMacs::conv);
    CHECK(listed.dense == whole.dense);
    CHECK(listed.gated == whole.gated);
    CHECK(all == Approx(2 * whole.at(1)));
    CHECK(none == Approx(2 * whole.at(0)));
}

TEST_CASE("MACs of clips add up to those of their batch", "[spatial_network]") {
    for (const auto &[width, height, grid] : {std::tuple(45, 37, 7), {64, 64, 4}, {67, 33, 3}, {32, 32, 16}}) {
        for (const Masks masks : {Masks::All, Masks::Random, Masks::None}) {
            for (const double break_even : {kNeverWhole, kAlwaysWhole, .28, kBasic}) {
                const ModelDescription d = break_even == kBasic ? small_basic_af_resnet(true) : small_af_resnet(true);
                NetworkRun chosen = spatial_run(d, 3, 3, width, height, grid, PatchShape::Blob, .3);
                chosen.masks = masks;
                if (grid == 3) chosen.description.temporal_masks = TemporalMasks::Shared;
                const auto network = open_network(chosen, targets_for(chosen).back());
                network->set_break_even(break_even);
                network->run();
                const std::vector<double> macs = clip_macs(*network);
                INFO(chosen.text() << ", whole above " << break_even);
                REQUIRE(macs.size() == 3);
                CHECK(macs[0] + macs[1] + macs[2] == Approx(network->macs()).epsilon(1e-12));
            }
        }
    }
}

TEST_CASE("a clip costs what its own masks select", "[spatial_network]") {
    const auto open = [](int clips) {
        NetworkRun run = spatial_run(true, 2, clips, 64, 64, 4, PatchShape::None, 0);
        run.masks = Masks::All;
        auto network = open_network(run, targets_for(run).back());
        network->set_break_even(kNeverWhole);
        return network;
    };
    const auto one = open(1), two = open(2);
    std::vector<int> patches(2 * 2 * 16, 0);
    std::fill(patches.begin() + 2 * 16, patches.end(), 1); // of the second clip
    for (size_t block = 0; block < two->lowered().patches.size(); block++)
        two->force_patches(block, patches);
    one->run();
    two->run();
    const std::vector<double> macs = clip_macs(*two);
    CHECK(macs[0] == Approx(one->macs()));
    CHECK(macs[1] > 1.1 * macs[0]);
}

TEST_CASE("forced frames leave patches to the navigation", "[spatial_network]") {
    ModelDescription both = small_af_resnet(false);
    both.masks = MaskKind::Both;
    RunShape shape;
    shape.frames = 2;
    shape.width = shape.height = 64;
    shape.forced_masks = true;
    const LoweredNetwork frames = lower(both, shape);
    CHECK(frames.selections[0].forced != kNoTensor);
    CHECK(frames.patches[0].forced == kNoTensor);
    CHECK(frames.patches[0].mask != kNoTensor);
    shape.forced_masks = false;
    shape.forced_grid = 5;
    const LoweredNetwork patches = lower(both, shape);
    CHECK(patches.selections[0].forced == kNoTensor);
    CHECK(patches.patches[0].forced != kNoTensor);
    CHECK(patches.patches[0].mask == kNoTensor);
    CHECK(masked_blocks(patches) == masked_blocks(frames));
    both.masks = MaskKind::Spatial;
    CHECK(masked_blocks(lower(both, shape)) == masked_blocks(frames));
}

TEST_CASE("masks in space are refused where there are none", "[spatial_network]") {
    RunShape shape;
    shape.forced_grid = 7;
    CHECK_THROWS_WITH(lower(shipped_model("af_mobilenetv3_tsm"), shape), Catch::Contains("af_resnet networks only"));
    CHECK_THROWS_WITH(lower(shipped_model("resnet50"), shape), Catch::Contains("af_resnet networks only"));
    shape.dtype = Dtype::BF16;
    CHECK_THROWS_WITH(lower(shipped_model("af_resnet50"), shape), Catch::Contains("f32 only"));
    CHECK_THROWS_WITH(lower(shipped_model("af_resnet34"), shape), Catch::Contains("f32 only"));
    shape.dtype = Dtype::F32;
    shape.on_gpu = true;
    CHECK_THROWS_WITH(lower(shipped_model("af_resnet34"), shape), Catch::Contains("of bottlenecks only on GPUs"));
    shape.on_gpu = false;
    ModelDescription basic = shipped_model("af_resnet34");
    CHECK_THROWS_WITH(lower_training(basic, shape, {}), Catch::Contains("of bottlenecks only in training"));
    shape.forced_grid = 0;
    basic.masks = MaskKind::Both;
    CHECK_THROWS_WITH(lower_training(basic, shape, {}), Catch::Contains("of bottlenecks only in training"));
    shape.on_gpu = true;
    CHECK_THROWS_WITH(lower(basic, shape), Catch::Contains("of bottlenecks only on GPUs"));
    CHECK(kernel_specs(basic, Dtype::F32, true).empty());
    CHECK_FALSE(kernel_specs(basic).empty());
    shape.without_masks = true;
    CHECK_NOTHROW(lower(basic, shape));
    shape.on_gpu = shape.without_masks = false;
    shape.forced_grid = 65;
    CHECK_THROWS_WITH(lower(shipped_model("af_resnet50"), shape), Catch::Contains("1 to 64") || Catch::Contains("0 to 64"));
}
