// Masks to work lists, exactly.
#include <catch2/catch.hpp>

#include "model/recipe.h"
#include "tests/generators/listed_plan.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/reference/selection.h"

using namespace afnet;

namespace {

void check(const std::vector<int> &mask, int clip_frames) {
    const int frames = int(mask.size());
    for (const Target &target : called_targets(Dtype::F32)) {
        INFO(frames << " frames in clips of " << clip_frames << " on " << target.name);
        // An element behind each result shows stores beyond it.
        IntBuffer sources(3, frames + 1), count(2);
        sources.fill(-7);
        count.fill(-7);
        KernelCall(test_kernel_store(target).kernel(KernelSpec("work_list"), kTestLibrary))
            .bind("mask", integers(mask, {frames}))
            .set("frames_per_clip", clip_frames)
            .bind("sources", sources.cropped(1, 0, frames))
            .bind("count", count.cropped(0, 0, 1))
            .run();
        CHECK(std::vector<int>(sources.begin(), sources.begin() + 3 * frames) == source_list(mask, clip_frames));
        CHECK(count(0) == int(selected_frames(mask).size()));
        CHECK(sources(2, frames) == -7);
        CHECK(count(1) == -7);
    }
}

}  // namespace

TEST_CASE("a work list names selected frames first and zeroes beyond each clip's ends", "[work_list][gpu]") {
    for (int clip_frames : {1, 2, 3, 8, 12}) {
        for (int clips : {1, 2, 5}) {
            for (const std::vector<int> &mask : awkward_masks(clip_frames, clips)) check(mask, clip_frames);
        }
    }
}

TEST_CASE("any mask value but zero selects", "[work_list][gpu]") {
    check({0, 5, -1, 0, 1, 1 << 30}, 3);
}

TEST_CASE("work lists order frames as the reference's do", "[work_list][gpu]") {
    std::vector<int> mask;
    std::vector<double> values;
    for (uint64_t f = 0; f < 64; f++) {
        mask.push_back(recipe_uniform(fnv1a64("mask"), 8, f) < 0.4 ? 1 : 0);
        values.push_back(mask.back());
    }
    check(mask, 16);
    const reference::WorkList expected = reference::work_list(values);
    const std::vector<int> list = source_list(mask, 16);
    for (size_t s = 0; s < mask.size(); s++) CHECK(list[3 * s] == expected.frames[s]);
    CHECK(int(selected_frames(mask).size()) == expected.count);
}
