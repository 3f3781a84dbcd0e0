// Convolutions at listed points, in tiles and point by point, against dense-then-mask. On GPUs lists have entries
// behind their count.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "tests/generators/layer.h"
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

const std::vector<Size> kSizes = {{14, 7, 7, 7}, {8, 8, 2, 2}, {9, 5, 4, 3}, {1, 1, 1, 1}, {7, 3, 2, 3}};
constexpr int kFrames = 3; // two clips would only repeat what work lists' tests check

std::vector<KernelSpec> specs_of(const std::string &generator) {
    std::vector<KernelSpec> specs;
    for (const KernelSpec &spec : spatial_kernels()) {
        if (spec.generator == generator) specs.push_back(spec);
    }
    return specs;
}

// One layer on one list of points of random frames.
class PointsCase {
public:
    PointsCase(const KernelSpec &spec, const Size &size, const reference::SpatialMask &mask,
               const std::vector<int> &frame_mask)
        : spec_(spec), size_(size), mask_(mask), ci_(spec_number(spec, "ci")), co_(spec_number(spec, "co")),
          kernel_size_(spec_number(spec, "kernel")), groups_(spec_number(spec, "groups")),
          layer_(ci_, {co_, kernel_size_, 1, (kernel_size_ - 1) / 2, groups_}, spec.params.at("activation")),
          sources_(source_list(frame_mask, kFrames)), listed_(int(selected_frames(frame_mask).size())),
          points_(mask, sources_, listed_, size.width, size.height, 1),
          entries_(testing_gpu() ? size.width * size.height * kFrames : points_.selected) {}

    bool scatters() const { return spec_.params.count("scatter") > 0 && spec_flag(spec_, "scatter"); }
    bool gathers() const { return spec_.params.count("gather") > 0 && spec_flag(spec_, "gather"); }

    void check(const Target &target, const std::string &library = kSpatialLibrary) {
        if (entries_ == 0) return; // the executor calls no CPU kernel then
        INFO(spec_.name() << " at " << size_.width << "x" << size_.height << ", " << points_.selected << " points on "
                          << target.name);
        const Tensor4 frames = random_frames(ci_, size_.width, size_.height, kFrames, "in");
        const Tensor4 onto = random_frames(co_, size_.width, size_.height, kFrames, "onto");
        const Tensor4 seen = gathers() ? shifted(frames) : listed_only(frames);
        const Tensor4 expected = points_.points_of(layer_.output(seen, scatters() ? &onto : nullptr));
        const Tensor4 magnitude = points_.points_of(layer_.magnitude(seen, scatters() ? &onto : nullptr));
        FrameMemory input(gathers() ? frames : compact_frames(points_.points_of(frames), entries_), 0, true);
        FrameMemory output = scatters() ? FrameMemory(onto) : FrameMemory::unwritten(co_, 1, 1, entries_ + 1);
        run(test_kernel_store(target).kernel(spec_, library), input, output);
        Tensor4 all = output.values(), written = scatters() ? points_.points_of(all) : first_points(all);
        CHECK(rounding_error(written, expected, magnitude, layer_.terms()) <= 1);
        CHECK(output.surroundings_intact());
        if (scatters()) {
            CHECK(others_of(all) == others_of(onto));
        } else {
            CHECK(no_numbers_from(all, size_t(points_.selected)));
        }
    }

private:
    Tensor4 shifted(const Tensor4 &frames) const {
        return spec_flag(spec_, "shift") ? reference::temporal_shift(frames, kFrames) : frames;
    }

    Tensor4 listed_only(const Tensor4 &frames) const { return reference::mask_pixels(frames, mask_); }

    Tensor4 first_points(Tensor4 all) const {
        all.f = points_.selected;
        all.data.resize(size_t(all.f) * size_t(all.c));
        return all;
    }

    // Every pixel that the list does not name.
    std::vector<double> others_of(Tensor4 frames) const {
        for (int n = 0; n < points_.selected; n++) {
            const int *entry = &points_.list[5 * size_t(n)];
            std::fill_n(frames.pixel(entry[3], entry[4], entry[0]), frames.c, 0.0);
        }
        return frames.data;
    }

    // With what no kernel may follow behind the selected points, on GPUs.
    IntBuffer listed_points() const {
        std::vector<int> list(points_.list.begin(), points_.list.begin() + 5 * points_.selected);
        list.resize(5 * size_t(entries_), 1 << 30);
        return integers(list, {5, entries_});
    }

    void run(const Kernel &kernel, FrameMemory &input, FrameMemory &output) const {
        const int block = kernel.entry->knobs.at("co_block");
        const bool in_tiles = spec_.generator == "conv2d_tiles";
        const int side = in_tiles ? spec_number(spec_, "side") : 1;
        const PackedConstant weights =
            in_tiles ? pack_winograd_weights(layer_.weights_folded(), co_, ci_ / groups_, groups_, block, side)
                     : pack_conv_weights(layer_.weights_folded(), co_, ci_ / groups_, kernel_size_, groups_, block);
        const TileLists tiles(mask_, sources_, listed_, size_.width, size_.height, side);
        IntBuffer count = integers({points_.selected, points_.all}, {2});
        KernelCall call(kernel);
        call.bind("input", input.view(groups_))
            .bind("weights", packed_buffer(weights))
            .bind("bias", packed_buffer(pack_conv_bias(layer_.bias_folded(), co_, groups_, block)))
            .bind("list", in_tiles ? tiles.selected_tiles() : listed_points())
            .bind("slots", points_.bordered_slots())
            .bind("output", output.view(groups_));
        if (!in_tiles) call.bind("residual", output.view(groups_));
        if (testing_gpu()) call.bind("count", count);
        call.run();
    }

    const KernelSpec &spec_;
    Size size_;
    const reference::SpatialMask &mask_;
    int ci_, co_, kernel_size_, groups_;
    Layer layer_;
    std::vector<int> sources_;
    int listed_;
    TileLists points_;
    int entries_; // of the list
};

void check_all(const std::string &generator) {
    for (const KernelSpec &spec : specs_of(generator)) {
        for (const Size &size : kSizes) {
            for (const reference::SpatialMask &mask : awkward_spatial_masks(size.columns, size.rows, kFrames)) {
                for (const auto &frame_mask : std::vector<std::vector<int>>{{1, 1, 1}, {0, 1, 0}, {1, 0, 1}}) {
                    PointsCase points(spec, size, mask, frame_mask);
                    for (const Target &target : called_targets(spec))
                        points.check(target);
                }
            }
        }
    }
}

} // namespace

TEST_CASE("a convolution at points equals the dense one on masked frames", "[conv2d_points][gpu]") {
    check_all("conv2d_points");
}

TEST_CASE("a convolution at points may ask for what it will read, up to the end of its list", "[conv2d_points]") {
    const KernelSpec gathers = conv2d_points_spec(16, 8, 2, "relu", true, false),
                     adds = conv2d_points_spec(8, 16, 2, "relu", false, true);
    for (const KernelSpec &spec : {gathers, adds}) {
        for (const reference::SpatialMask &mask : awkward_spatial_masks(7, 7, kFrames)) {
            PointsCase points(spec, {14, 14, 7, 7}, mask, {1, 0, 1});
            for (const Target &target : runnable_targets()) {
                const Kernel &kernel = test_kernel_store(target).kernel(spec, kPointPrefetchLibrary);
                CHECK(kernel.entry->knobs.at("prefetch") == 3);
                points.check(target, kPointPrefetchLibrary);
            }
        }
    }
}

TEST_CASE("a convolution in listed tiles equals the dense one on masked frames", "[conv2d_points]") {
    check_all("conv2d_tiles");
}
