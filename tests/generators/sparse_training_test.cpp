// The kernels that bring a focal block's selected frames together and back, and their gradients, against definitions in
// double: odd channels, one and all frames, clips' ends. (An empty list calls no kernel: [training_network].)
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/generators/kernel_run.h"
#include "tests/generators/listed_plan.h"
#include "tests/kernel_call.h"
#include "tests/reference/operators.h"
#include "tests/reference/pooling_gradients.h"
#include "tests/reference/sparse_training.h"
#include "tests/sparse_training_cases.h"

using namespace afnet;

namespace {

struct Shape {
    int c, x, y, frames, clips;
};

// Nothing to shift, one channel of eight, past a vector, whole vectors each way.
const std::vector<Shape> kShapes = {{1, 1, 1, 1, 1},  {7, 3, 2, 3, 1},  {9, 1, 5, 2, 3},
                                    {17, 5, 1, 3, 2}, {64, 3, 3, 4, 2}, {136, 2, 2, 1, 3}};

std::vector<double> numbers(const std::vector<int> &mask) {
    return std::vector<double>(mask.begin(), mask.end());
}

Tensor4 row(const std::vector<double> &values) {
    Tensor4 result(int(values.size()), 1, 1, 1);
    result.data = values;
    return result;
}

// The entries of a mask's list that name selected frames, or the others.
std::vector<int> entries(const std::vector<int> &mask, int clip_frames, bool selected) {
    std::vector<int> list = source_list(mask, clip_frames);
    const long count = 3 * long(selected_frames(mask).size());
    return selected ? std::vector<int>(list.begin(), list.begin() + count)
                    : std::vector<int>(list.begin() + count, list.end());
}

// Calls `check` for every shape and mask that selects something.
template <class Check> void for_each_case(const Check &check) {
    for (const Shape &shape : kShapes) {
        for (const std::vector<int> &mask : awkward_masks(shape.frames, shape.clips)) {
            if (selected_frames(mask).empty()) continue;
            INFO(shape.c << " channels, " << shape.x << "x" << shape.y << ", " << shape.clips << " clips of "
                         << shape.frames << ", " << selected_frames(mask).size() << " selected");
            check(shape, mask);
        }
    }
}

KernelRun kernel(const KernelSpec &spec, const Target &target, Dtype dtype) {
    return KernelRun(spec, target, dtype, kSparseTrainingLibrary);
}

KernelRun &with_list(KernelRun &run, const std::vector<int> &list) {
    return run.in("sources", list, {3, int(list.size()) / 3});
}

} // namespace

TEST_CASE("selected frames are gathered as the shift reads them", "[sparse_training]") {
    for_each_case([](const Shape &s, const std::vector<int> &mask) {
        const Tensor4 input = random_frames(s.c, s.x, s.y, int(mask.size()), "input");
        for_training_targets([&](const Target &target, Dtype dtype) {
            for (const bool shift : {false, true}) {
                const Tensor4 expected =
                    reference::compact(shift ? reference::temporal_shift(input, s.frames) : input, numbers(mask));
                KernelRun run = kernel(KernelSpec("gather_frames").set("shift", shift), target, dtype);
                run.in("input", input, 4).out("output", s.c, s.x, s.y, expected.f, 4);
                CHECK(with_list(run, entries(mask, s.frames, true)).run().at("output").data == expected.data);
            }
        });
    });
}

TEST_CASE("gradients of gathered frames go where the frames came from", "[sparse_training]") {
    for_each_case([](const Shape &s, const std::vector<int> &mask) {
        const int frames = int(mask.size()), count = int(selected_frames(mask).size());
        const Tensor4 d_output = random_frames(s.c, s.x, s.y, count, "d_output");
        const Tensor4 before = random_frames(s.c, s.x, s.y, frames, "before");
        for_training_targets([&](const Target &target, Dtype dtype) {
            for (const bool shift : {false, true}) {
                Tensor4 expected = reference::spread(d_output, numbers(mask));
                if (shift) expected = reference::temporal_shift_gradient(expected, s.frames);
                const KernelSpec spec = KernelSpec("gather_frames_grad").set("shift", shift);
                KernelRun store = kernel(KernelSpec(spec).set("accumulate", false), target, dtype);
                store.in("d_output", d_output, 4).out("d_input", s.c, s.x, s.y, frames, 4);
                const std::vector<int> list = entries(mask, s.frames, true);
                CHECK(with_list(store, list).run().at("d_input").data == expected.data);
                KernelRun add = kernel(KernelSpec(spec).set("accumulate", true), target, dtype);
                add.in("d_output", d_output, 4).in_place("d_input", "", before, 4);
                CHECK(training_error(with_list(add, list).run().at("d_input"), reference::add(expected, before), 1,
                                     dtype) <= 1);
            }
        });
    });
}

TEST_CASE("branches are added to the frames of a list, and no other frame is touched", "[sparse_training]") {
    for_each_case([](const Shape &s, const std::vector<int> &mask) {
        const int frames = int(mask.size());
        const Tensor4 state = random_frames(s.c, s.x, s.y, frames, "state");
        const Tensor4 branch = random_frames(s.c, s.x, s.y, int(selected_frames(mask).size()), "branch");
        for_training_targets([&](const Target &target, Dtype dtype) {
            for (const char *activation : {"relu", "linear"}) {
                Tensor4 expected = reference::add(state, reference::spread(branch, numbers(mask)));
                if (activation == std::string("relu")) expected = reference::relu(expected);
                for (const bool selected : {true, false}) {
                    const std::vector<int> list = entries(mask, s.frames, selected);
                    if (list.empty()) continue;
                    std::vector<double> written = numbers(mask);
                    for (double &w : written)
                        w = (w != 0) == selected;
                    KernelRun run =
                        kernel(KernelSpec("scatter_frames").set("activation", activation).set("add_branch", selected),
                               target, dtype);
                    run.in("state", state, 4).in("branch", branch, 4).out("output", s.c, s.x, s.y, frames, 4);
                    const Tensor4 output = with_list(run, list).run().at("output");
                    CHECK(training_error(reference::compact(output, written), reference::compact(expected, written), 1,
                                         dtype) <= 1);
                    for (int f = 0; f < frames; f++)
                        CHECK(std::isnan(*output.pixel(0, 0, f)) == (written[size_t(f)] == 0));
                }
            }
        });
    });
}

TEST_CASE("a branch's gradient is its frame's, and its worth their product", "[sparse_training]") {
    for_each_case([](const Shape &s, const std::vector<int> &mask) {
        const int count = int(selected_frames(mask).size());
        const Tensor4 d_sum = random_frames(s.c, s.x, s.y, int(mask.size()), "d_sum");
        const Tensor4 branch = random_frames(s.c, s.x, s.y, count, "branch");
        const Tensor4 expected = reference::compact(d_sum, numbers(mask));
        const Tensor4 worth = row(reference::frame_products(expected, branch));
        const Tensor4 size = row(reference::frame_products(absolute(expected), absolute(branch)));
        for_training_targets([&](const Target &target, Dtype dtype) {
            KernelRun run = kernel(KernelSpec("scatter_frames_grad"), target, dtype);
            run.in("d_sum", d_sum, 4).in("branch", branch, 4);
            run.out("d_branch", s.c, s.x, s.y, count, 4).out("worth", count, 1, 1, 1, 1);
            const auto result = with_list(run, entries(mask, s.frames, true)).run();
            CHECK(result.at("d_branch").data == expected.data);
            CHECK(training_error(result.at("worth"), worth, size, s.x, dtype) <= 1);
        });
    });
}

TEST_CASE("the gradient before a ReLU is zero where its result is", "[sparse_training]") {
    for (const Shape &s : kShapes) {
        const Tensor4 output = reference::relu(random_frames(s.c, s.x, s.y, s.frames, "output"));
        const Tensor4 d_output = random_frames(s.c, s.x, s.y, s.frames, "d_output");
        Tensor4 expected = d_output;
        for (size_t i = 0; i < expected.data.size(); i++) {
            if (output.data[i] == 0) expected.data[i] = 0;
        }
        for_training_targets([&](const Target &target, Dtype dtype) {
            KernelRun run = kernel(KernelSpec("relu_grad"), target, dtype);
            run.in("output", output, 4).in_place("d_input", "d_output", d_output, 4);
            CHECK(run.run().at("d_input").data == expected.data);
        });
    }
}

TEST_CASE("masks of numbers become lists, and get the gradients of their list", "[sparse_training]") {
    for (const Shape &s : kShapes) {
        for (const std::vector<int> &mask : awkward_masks(s.frames, s.clips)) {
            const int frames = int(mask.size()), count = int(selected_frames(mask).size());
            // Behind the first `count` nothing was written.
            Tensor4 worth(frames, 1, 1, 1);
            std::fill(worth.data.begin(), worth.data.end(), std::nan(""));
            const Tensor4 known = random_frames(count, 1, 1, 1, "worth");
            std::copy(known.data.begin(), known.data.end(), worth.data.begin());
            for_training_targets([&](const Target &target, Dtype dtype) {
                INFO(count << " of " << frames << " frames, clips of " << s.frames);
                IntBuffer sources(3, frames), found(1);
                FrameMemory memory(row(numbers(mask)), 0, false, dtype);
                KernelCall(test_kernel_store(target).kernel(
                               with_dtype(KernelSpec("work_list").set("mask_of_numbers", true), dtype),
                               kSparseTrainingLibrary))
                    .bind("mask", memory.view().sliced(3).sliced(2).sliced(1))
                    .set("frames_per_clip", s.frames)
                    .bind("sources", sources)
                    .bind("count", found)
                    .run();
                CHECK(std::vector<int>(sources.begin(), sources.end()) == source_list(mask, s.frames));
                CHECK(found(0) == count);
                for (const double share : {0.0, -1.0, 0.5}) {
                    KernelRun run = kernel(KernelSpec("selection_grad"), target, dtype);
                    run.in("worth", worth, 1).in("count", std::vector<int>{count}).in("frames_per_clip", s.frames);
                    run.in("share", share).out("d_mask", frames, 1, 1, 1, 1);
                    const Tensor4 expected = row(reference::mask_gradient(known.data, numbers(mask), s.frames, share));
                    CHECK(training_error(with_list(run, source_list(mask, s.frames)).run().at("d_mask"), expected, 1,
                                         dtype) <= 1);
                }
            });
        }
    }
}

TEST_CASE("running statistics count the values of listed frames", "[sparse_training]") {
    const auto positive = [](const char *name) { return absolute(random_frames(19, 1, 1, 1, name)); };
    const Tensor4 mean = random_frames(19, 1, 1, 1, "mean"), variance = positive("variance");
    const Tensor4 running_mean = random_frames(19, 1, 1, 1, "running mean"), running_variance = positive("running");
    for (const int listed : {1, 5}) {
        for (const int pixels : {1, 6}) {
            const double values = listed * pixels, unbiased = values / std::max(values - 1, 1.0);
            Tensor4 expected_mean = mean, expected_variance = variance;
            for (size_t c = 0; c < 19; c++) {
                expected_mean.data[c] = .75 * running_mean.data[c] + .25 * mean.data[c];
                expected_variance.data[c] = .75 * running_variance.data[c] + .25 * variance.data[c] * unbiased;
            }
            for_training_targets([&](const Target &target, Dtype dtype) {
                INFO(listed << " frames of " << pixels << " pixels");
                KernelRun run = kernel(KernelSpec("batch_norm_running").set("listed", true), target, dtype);
                run.in("mean", mean, 1).in("variance", variance, 1).in("momentum", .25).in("count", pixels);
                run.in_place("running_mean_next", "running_mean", running_mean, 1);
                run.in_place("running_variance_next", "running_variance", running_variance, 1);
                const auto result = with_list(run, std::vector<int>(size_t(3 * listed))).run();
                CHECK(training_error(result.at("running_mean_next"), expected_mean, 2, dtype) <= 1);
                CHECK(training_error(result.at("running_variance_next"), expected_variance, 2, dtype) <= 1);
            });
        }
    }
}
