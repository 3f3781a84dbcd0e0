// Copies of listed pixels and sums at them, against their definitions.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/generators/listed_plan.h"
#include "tests/generators/tile_lists.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/reference/operators.h"

using namespace afnet;

namespace {

struct Size {
    int width, height, columns, rows; // pixels, patches
};

const std::vector<Size> kSizes = {{14, 7, 7, 7}, {8, 8, 2, 2}, {9, 5, 4, 3}, {1, 1, 1, 1}, {7, 3, 2, 3}};
constexpr int kClipFrames = 3, kClips = 2, kFrames = kClipFrames * kClips;

// Calls check(size, lists of points) for lists that select anything: the executor calls no kernel for others.
template <class Check> void for_each_list(Check check) {
    for (const Size &size : kSizes) {
        for (const reference::SpatialMask &mask : awkward_spatial_masks(size.columns, size.rows, kFrames)) {
            for (const std::vector<int> &frames : awkward_masks(kClipFrames, kClips)) {
                const std::vector<int> sources = source_list(frames, kClipFrames);
                const TileLists points(mask, sources, int(selected_frames(frames).size()), size.width, size.height, 1);
                INFO(size.width << "x" << size.height << ", " << points.selected << " points");
                if (points.selected > 0) check(size, points);
            }
        }
    }
}

} // namespace

TEST_CASE("listed pixels are copied one behind the other", "[listed_points]") {
    for_each_list([](const Size &size, const TileLists &points) {
        for (const int channels : {5, 16, 43}) {
            const Tensor4 frames = random_frames(channels, size.width, size.height, kFrames, "stream");
            for (const bool shift : {false, true}) {
                const Tensor4 expected =
                    points.points_of(shift ? reference::temporal_shift(frames, kClipFrames) : frames);
                for (const Target &target : runnable_targets()) {
                    INFO(channels << " channels, shift " << shift << ", " << target.name);
                    FrameMemory input(frames, 0, true);
                    FrameMemory output = FrameMemory::unwritten(channels, 1, 1, points.selected);
                    const KernelSpec spec = KernelSpec("gather_points").set("shift", shift);
                    KernelCall call(test_kernel_store(target).kernel(spec, kListedPointsLibrary));
                    call.bind("input", input.view())
                        .bind("list", points.selected_tiles())
                        .bind("output", output.view())
                        .run();
                    CHECK(output.values().data == expected.data);
                    CHECK(output.surroundings_intact());
                }
            }
        }
    });
}

TEST_CASE("a branch is added at listed pixels, and nowhere else", "[listed_points]") {
    for_each_list([](const Size &size, const TileLists &points) {
        for (const int channels : {5, 16, 43}) {
            const Tensor4 state = random_frames(channels, size.width, size.height, kFrames, "stream");
            const Tensor4 branch = random_frames(channels, 1, 1, points.selected, "branch");
            for (const char *activation : {"relu", "linear"}) {
                Tensor4 expected = state;
                for (int n = 0; n < points.selected; n++) {
                    const int *entry = &points.list[5 * size_t(n)];
                    double *pixel = expected.pixel(entry[3], entry[4], entry[0]);
                    for (int c = 0; c < channels; c++) {
                        const double sum = double(float(pixel[c]) + float(branch.at(c, 0, 0, n)));
                        pixel[c] = activation == std::string("relu") ? std::max(sum, 0.0) : sum;
                    }
                }
                for (const Target &target : runnable_targets()) {
                    INFO(channels << " channels, " << activation << ", " << target.name);
                    FrameMemory stream(state, 0, true), added(branch);
                    const KernelSpec spec = activated("scatter_points", activation);
                    KernelCall call(test_kernel_store(target).kernel(spec, kListedPointsLibrary));
                    call.bind("state", stream.view())
                        .bind("branch", added.view())
                        .bind("list", points.selected_tiles())
                        .bind("output", stream.view())
                        .run();
                    CHECK(stream.values().data == expected.data);
                    CHECK(stream.surroundings_intact());
                }
            }
        }
    });
}
