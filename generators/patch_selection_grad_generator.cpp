// The gradient of masks in space in sparse training. A selected patch's is exact: what its tiles' branch is worth
// (scatter_tiles_grad). The branch of one that is not selected was not computed; its gradient is estimated as 0. With
// `framed` a frame's mask gets what all of its selected patches are worth.
//
//   of(i, j, f)        = worth(slots(i, j, f) - 1)                     0 where slots is
//   d_patches(a, b, f) = sum of of(i, j, f) over the tiles of patch (a, b)
//   d_frames(f)        = sum of of(i, j, f) over all tiles             0 without `framed`
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/patch_grid.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class PatchSelectionGrad : public Generator<PatchSelectionGrad> {
public:
    GeneratorParam<bool> framed{"framed", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 1>> worth{"worth"};          // [n], read where slots lead
    Input<Buffer<int32_t, 3>> slots{"slots"};       // [i, j, f]
    Output<Buffer<void, 3>> d_patches{"d_patches"}; // [a, b, f]
    Output<Buffer<void, 1>> d_frames{"d_frames"};   // [f]

    void configure() {
        worth.set_type(element_type(dtype));
        d_patches.set_type(element_type(dtype));
        d_frames.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr columns = slots.dim(0).extent(), rows = slots.dim(1).extent();
        const Expr across = d_patches.dim(0).extent(), down = d_patches.dim(1).extent();
        const Run i = pixels_of(a, columns, across), j = pixels_of(b, rows, down);
        RDom tiles(0, most_pixels(columns, across), 0, most_pixels(rows, down), "tiles");
        tiles.where(tiles.x < i.length() && tiles.y < j.length());
        patch_sum(a, b, f) = cast<double>(0);
        patch_sum(a, b, f) += of(clamp(i.begin + tiles.x, 0, columns - 1), clamp(j.begin + tiles.y, 0, rows - 1));
        d_patches(a, b, f) = cast(type, patch_sum(a, b, f));
        const RDom all(0, columns, 0, rows, "all");
        frame_sum(f) = cast<double>(0);
        frame_sum(f) += of(all.x, all.y);
        d_frames(f) = framed ? cast(type, frame_sum(f)) : Internal::make_zero(type);
        worth.dim(0).set_min(0);
        frames_from_zero(slots);
        frames_from_zero(d_patches);
        d_frames.dim(0).set_min(0);
    }

    void schedule() {
        patch_sum.compute_root();
        if (framed) frame_sum.compute_root();
    }

private:
    Expr of(const Expr &i, const Expr &j) {
        const Expr slot = slots(i, j, f);
        return select(slot > 0, cast<double>(worth(clamp(slot - 1, 0, worth.dim(0).extent() - 1))), cast<double>(0));
    }

    Var a{"a"}, b{"b"}, f{"f"};
    Func patch_sum{"patch_sum"}, frame_sum{"frame_sum"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(PatchSelectionGrad, patch_selection_grad)
