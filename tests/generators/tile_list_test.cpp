// Spatial masks to lists of tiles, exactly. On GPUs the list has the selected tiles alone.
#include <catch2/catch.hpp>

#include "tests/generators/listed_plan.h"
#include "tests/generators/tile_lists.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

struct Size {
    int width, height, columns, rows; // pixels, patches
};

// Grids that divide the frame, that do not, that are finer than the frame, of one patch.
const std::vector<Size> kSizes = {{14, 14, 7, 7}, {8, 4, 2, 1}, {9, 5, 4, 3}, {3, 7, 7, 7}, {1, 1, 1, 1}, {6, 6, 1, 1}};

void check(const reference::SpatialMask &mask, const std::vector<int> &frame_mask, const Size &size, int side) {
    const int frames = mask.frames, listed = int(selected_frames(frame_mask).size());
    const std::vector<int> sources = source_list(frame_mask, frames);
    const TileLists expected(mask, sources, listed, size.width, size.height, side, -7);
    const int capacity = expected.columns * expected.rows * frames;
    const int written_tiles = testing_gpu() ? expected.selected : expected.all;
    for (const Target &target : called_targets(Dtype::F32)) {
        INFO(size.width << "x" << size.height << " in " << size.columns << "x" << size.rows << " patches, " << listed
                        << " of " << frames << " frames, tiles of " << side << " on " << target.name);
        IntBuffer list(5, capacity + 1), slots(expected.columns + 2, expected.rows + 2, frames), count(3);
        IntBuffer line_starts(expected.rows + 1, frames);
        for (IntBuffer *buffer : {&list, &slots, &count})
            buffer->fill(-7);
        KernelCall call(test_kernel_store(target).kernel(KernelSpec("tile_list").set("side", side), kSpatialLibrary));
        if (testing_gpu()) call.bind("line_starts", line_starts);
        call.bind("mask", integers(mask.patches, {mask.columns, mask.rows, frames}))
            .bind("sources", integers(sources, {3, frames}))
            .bind("frame_count", integers({listed}, {1}))
            .set("width", size.width)
            .set("height", size.height)
            .bind("list", list.cropped(1, 0, capacity))
            .bind("slots", slots.cropped(0, 1, expected.columns).cropped(1, 1, expected.rows).translated({-1, -1, 0}))
            .bind("count", count.cropped(0, 0, 2))
            .run();
        std::vector<int> written(list.begin(), list.end());
        const std::vector<int> tiles(expected.list.begin(), expected.list.begin() + 5 * written_tiles);
        CHECK(std::vector<int>(written.begin(), written.begin() + 5 * written_tiles) == tiles);
        written.erase(written.begin(), written.begin() + 5 * written_tiles);
        CHECK(written == std::vector<int>(5 * size_t(capacity + 1 - written_tiles), -7));
        std::vector<int> looked_up;
        int border = 0;
        slots.for_each_element([&](int x, int y, int f) {
            const bool inside = x >= 1 && x <= expected.columns && y >= 1 && y <= expected.rows;
            if (inside) looked_up.push_back(slots(x, y, f));
            if (!inside && slots(x, y, f) == -7) border++;
        });
        CHECK(looked_up == expected.slots);
        CHECK(border + int(looked_up.size()) == int(slots.number_of_elements()));
        CHECK(std::vector<int>(count.begin(), count.end()) == std::vector<int>{expected.selected, expected.all, -7});
    }
}

} // namespace

TEST_CASE("a list of tiles names the selected tiles of listed frames first, and where each of them is",
          "[tile_list][gpu]") {
    for (const Size &size : kSizes) {
        for (const int side : {1, 2, 4}) {
            for (const auto &frame_mask : std::vector<std::vector<int>>{{0, 0, 0}, {1, 1, 1}, {0, 1, 0}, {1, 0, 1}}) {
                for (const reference::SpatialMask &mask : awkward_spatial_masks(size.columns, size.rows, 3))
                    check(mask, frame_mask, size, side);
            }
        }
    }
}

TEST_CASE("a grid of 7 has patches of 8, 4 and 2 pixels at the stages' sizes", "[tile_list]") {
    for (const int patch : {8, 4, 2}) {
        reference::SpatialMask mask{7, 7, 1, std::vector<int>(49, 0)};
        mask.patches[7 * 2 + 3] = 1;
        const TileLists points(mask, {0, 1, 1}, 1, 7 * patch, 7 * patch, 1);
        CHECK(points.selected == patch * patch);
        CHECK(std::vector<int>(points.list.begin() + 3, points.list.begin() + 5) ==
              std::vector<int>{3 * patch, 2 * patch});
    }
}
