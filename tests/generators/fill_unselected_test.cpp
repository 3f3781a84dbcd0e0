// What unselected frames get, against the whole map of F(0): every side, also shorter than the block's convolution.
#include <catch2/catch.hpp>

#include "tests/generators/layer.h"
#include "tests/generators/listed_plan.h"
#include "tests/generators/zero_response.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

// Fills the frames that `mask` leaves out, in place, and compares all with the definition.
void check(const KernelSpec &spec, const Tensor4 &map, const Tensor4 &table, const std::vector<int> &mask) {
    const int frames = int(mask.size()), count = int(selected_frames(mask).size());
    const Dtype dtype = dtype_of(spec);
    const Tensor4 state = representable(random_frames(map.c, map.x, map.y, frames, "state"), dtype);
    const Tensor4 expected = with_response(state, map, mask, spec.params.at("activation"));
    Tensor4 magnitude = state;
    for (double &m : magnitude.data) m = 4;  // no element of state or map is as large
    const std::vector<int> list = source_list(mask, frames);
    std::vector<int> unselected = list;
    unselected.erase(unselected.begin(), unselected.begin() + 3 * count);
    for (const Target &target : called_targets(dtype)) {
        INFO(spec.name() << " at " << map.x << "x" << map.y << ", " << count << " of " << frames << " selected, on "
                         << target.name);
        FrameMemory memory(state, map.x % 2, false, dtype), residual(table);
        KernelCall call(test_kernel_store(target).kernel(spec, kTestLibrary));
        call.bind("state", memory.view()).bind("residual", residual.view()).bind("output", memory.view());
        if (target.gpu == GpuInterface::None) {
            call.bind("sources", integers(unselected, {3, frames - count}));
        } else {
            call.bind("sources", integers(list, {3, frames})).bind("count", integers({count}, {1}));
        }
        call.run();
        const Tensor4 filled = memory.values();
        CHECK(rounding_error(filled, expected, magnitude, 1, dtype) <= 1);
        CHECK(listed_frames(filled, selected_frames(mask)).data == listed_frames(state, selected_frames(mask)).data);
        CHECK(memory.surroundings_intact());
    }
}

}  // namespace

TEST_CASE("unselected frames get F(0) rebuilt from its distinct columns and rows", "[fill_unselected][gpu]") {
    const std::pair<int, const char *> variants[] = {{3, "relu"}, {5, "linear"}};
    for (size_t i = 0; i < 2 * called_dtypes().size(); i++) {
        const auto &[kernel, activation] = variants[i % 2];
        const KernelSpec spec =
            with_dtype(activated("fill_unselected", activation).set("kernel", kernel), called_dtypes()[i / 2]);
        for (int width : {1, 2, 3, 4, 5, 6, 9}) {
            for (int height : {1, 2, 3, 4, 5, 7}) {
                const Tensor4 map = zero_response(9, width, height, kernel), table = distinct_pixels(map, kernel);
                check(spec, map, table, {1, 0, 0, 1, 0});
            }
        }
        const Tensor4 map = zero_response(33, 6, 5, kernel), table = distinct_pixels(map, kernel);
        for (const std::vector<int> &mask : awkward_masks(3, 2)) {
            if (testing_gpu() || selected_frames(mask).size() < mask.size()) check(spec, map, table, mask);
        }
    }
}

TEST_CASE("a residual of one zero pixel leaves the shortcut alone but for its activation", "[fill_unselected][gpu]") {
    for (const Dtype dtype : called_dtypes()) {
        const KernelSpec spec = with_dtype(activated("fill_unselected", "relu").set("kernel", 3), dtype);
        for (int side : {1, 2, 5})
            check(spec, Tensor4(17, side, side, 1), Tensor4(17, 1, 1, 1), {0, 1, 0});
    }
}
