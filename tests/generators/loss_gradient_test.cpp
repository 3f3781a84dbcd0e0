// The losses and their gradients against plain loops and central differences.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "tests/generators/kernel_run.h"
#include "tests/reference/head_gradients.h"

using namespace afnet;

namespace {

Tensor4 logits_of(int classes, int frames, double size) {
    Tensor4 logits = random_frames(classes, 1, 1, frames, "logits");
    for (double &v : logits.data)
        v = float(size * v);
    return logits;
}

std::vector<int> labels_of(int classes, int clips) {
    std::vector<int> labels;
    for (int n = 0; n < clips; n++)
        labels.push_back((7 * n + classes - 1) % classes);
    return labels;
}

std::map<std::string, Tensor4> run_loss(const Tensor4 &logits, const std::vector<int> &labels, double smoothing,
                                        const Target &target, Dtype dtype) {
    const int clips = int(labels.size());
    return KernelRun(KernelSpec("consensus_loss"), target, dtype)
        .in("logits", logits, 2)
        .in("labels", labels)
        .in("smoothing", smoothing)
        .out("clip_logits", logits.c, 1, 1, clips, 2)
        .out("losses", clips, 1, 1, 1, 1)
        .out("d_logits", logits.c, 1, 1, logits.f, 2)
        .run();
}

void check(int classes, int clip_frames, int clips, double smoothing, double size) {
    const Tensor4 logits = logits_of(classes, clip_frames * clips, size);
    const std::vector<int> labels = labels_of(classes, clips);
    const reference::ConsensusLoss expected = reference::consensus_loss(logits, labels, smoothing);
    Tensor4 losses(clips, 1, 1, 1);
    losses.data = expected.losses;
    for_training_targets([&](const Target &target, Dtype dtype) {
        INFO(classes << " classes, " << clip_frames << " frames, " << clips << " clips, smoothing " << smoothing
                     << ", logits to " << size);
        const auto ours = run_loss(logits, labels, smoothing, target, dtype);
        // A probability's relative error is its exponent's absolute one, which grows with the logits.
        const int terms = clip_frames + classes + 8 * int(size);
        CHECK(training_error(ours.at("clip_logits"), expected.clip_logits, clip_frames, dtype, size) <= 1);
        CHECK(training_error(ours.at("losses"), losses, terms, dtype, 1) <= 1);
        CHECK(training_error(ours.at("d_logits"), expected.d_logits, terms, dtype, 1.0 / clips / clip_frames) <= 1);
    });
}

// Of a batch with `others` frames in other micro-batches, every second of them selected.
void check_ratio(int frames, double target_ratio, double weight, int others) {
    Tensor4 mask = random_frames(frames, 1, 1, 1, "mask");
    const Tensor4 before = random_frames(frames, 1, 1, 1, "before");
    const double other_selected = others / 2, all = frames + others;
    for (double &v : mask.data)
        v = v > 0.2;
    const auto mean_of = [&](const Tensor4 &given) {
        return (other_selected + std::accumulate(given.data.begin(), given.data.end(), 0.0)) / all;
    };
    const double mean = mean_of(mask);
    Tensor4 expected = mask, value(1, 1, 1, 1);
    std::fill(expected.data.begin(), expected.data.end(), weight * 2 * (mean - target_ratio) / all);
    value.data[0] = (target_ratio - mean) * (target_ratio - mean);
    const Tensor4 differences = central_difference(
        [&](const Tensor4 &moved) { return weight * std::pow(target_ratio - mean_of(moved), 2); }, mask);
    for_training_targets([&](const Target &target, Dtype dtype) {
        INFO(frames << " frames, " << others << " others, target " << target_ratio << ", weight " << weight);
        for (const bool accumulate : {false, true}) {
            KernelRun run(KernelSpec("ratio_loss").set("accumulate", accumulate), target, dtype);
            run.in("mask", mask, 1).in("target_ratio", target_ratio).in("weight", weight).out("value", 1, 1, 1, 1, 1);
            run.in("other_selected", other_selected).in("other_frames", double(others));
            if (accumulate) {
                run.in_place("d_mask", "d_mask_before", before, 1);
            } else {
                run.in("d_mask_before", before, 1).out("d_mask", frames, 1, 1, 1, 1);
            }
            const auto ours = run.run();
            CHECK(training_error(ours.at("value"), value, frames, dtype, 1) <= 1);
            CHECK(training_error(ours.at("d_mask"), accumulate ? reference::add(expected, before) : expected, frames,
                                 dtype, weight / all) <= 1);
            if (!accumulate && dtype == Dtype::F64) CHECK(difference_error(ours.at("d_mask"), differences) < 1e-8);
        }
    });
}

} // namespace

TEST_CASE("the consensus loss and its gradient equal plain loops", "[losses]") {
    for (int classes : {1, 2, 7, 8, 9, 17, 174}) {
        for (const auto &[frames, clips] : std::vector<std::pair<int, int>>{{1, 1}, {8, 2}, {3, 5}}) {
            for (double smoothing : {0.0, 0.1})
                check(classes, frames, clips, smoothing, 4);
        }
    }
    check(20, 4, 2, 0, 100);
}

TEST_CASE("the consensus loss's gradient equals central differences", "[losses]") {
    const Tensor4 logits = logits_of(5, 6, 3);
    const std::vector<int> labels = labels_of(5, 2);
    for (double smoothing : {0.0, 0.2}) {
        const Tensor4 differences = central_difference(
            [&](const Tensor4 &moved) { return reference::consensus_loss(moved, labels, smoothing).mean; }, logits);
        for (const Target &target : runnable_targets(Dtype::F64)) {
            const auto ours = run_loss(logits, labels, smoothing, target, Dtype::F64);
            CHECK(difference_error(ours.at("d_logits"), differences) < 1e-6);
        }
    }
}

TEST_CASE("extreme logits give finite losses and gradients", "[losses]") {
    Tensor4 logits(9, 1, 1, 4);
    for (int f = 0; f < 4; f++) {
        for (int k = 0; k < 9; k++)
            logits.at(k, 0, 0, f) = k == f ? 1e4 : k == f + 1 ? -1e4 : f < 2 ? 0 : -1e4;
    }
    // The first clip is right beyond doubt, the second as wrong; equal logits, all far from zero, follow.
    const std::vector<int> labels = {0, 2, 3, 0};
    const reference::ConsensusLoss expected = reference::consensus_loss(logits, labels, 0);
    Tensor4 losses(4, 1, 1, 1);
    losses.data = expected.losses;
    Tensor4 equal(9, 1, 1, 4);
    for (double &v : equal.data)
        v = -1e4;
    for_training_targets([&](const Target &target, Dtype dtype) {
        const auto ours = run_loss(logits, labels, 0, target, dtype);
        CHECK(training_error(ours.at("losses"), losses, 4, dtype) <= 1);
        CHECK(training_error(ours.at("d_logits"), expected.d_logits, 4, dtype) <= 1);
        const auto even = run_loss(equal, labels, 0, target, dtype);
        for (double loss : even.at("losses").data)
            CHECK(loss == Approx(std::log(9)).epsilon(1e-6));
    });
}

TEST_CASE("the ratio loss pulls the mean of a mask to its target", "[losses]") {
    for (int frames : {1, 3, 8, 17, 96})
        check_ratio(frames, 0.5, 0.05, 0);
    check_ratio(16, 0.25, 1, 0);
    check_ratio(16, 1, 0.5, 1);
    for (int others : {1, 16, 241})
        check_ratio(16, 0.25, 3, others);
}
