// The gradients of mask_patches, with m as there.
//
//   d_input(c, x, y, f) [+]= m d_output(c, x, y, f)
//   worth(i, j, f)         = sum_{c, x, y of patch (i, j)} d_output(c, x, y, f) input(c, x, y, f)
//   d_patches(i, j, f) [+]= worth(i, j, f)                                with `framed`, frames(f) worth(i, j, f)
//   d_frames(f)           = sum_{i,j} (patches(i, j, f) - 1) worth(i, j, f)          0 without `framed`
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/patch_grid.h"
#include "schedules/mask_patches_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class MaskPatchesGrad : public Generator<MaskPatchesGrad> {
public:
    GeneratorParam<bool> framed{"framed", false};
    GeneratorParam<bool> accumulate{"accumulate", false};           // d_input
    GeneratorParam<bool> accumulate_mask{"accumulate_mask", false}; // d_patches
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> input{"input"};                   // [c, x, y, f]
    Input<Buffer<void, 3>> patches{"patches"};               // [i, j, f]
    Input<Buffer<void, 1>> frames{"frames"};                 // [f], read with `framed`
    Input<Buffer<void, 4>> d_output{"d_output"};             // [c, x, y, f]
    Input<Buffer<void, 4>> d_input_before{"d_input_before"}; // [c, x, y, f], read by `accumulate`; may be d_input
    Input<Buffer<void, 3>> d_patches_before{
        "d_patches_before"};                        // [i, j, f], read by `accumulate_mask`; may be d_patches
    Output<Buffer<void, 4>> d_input{"d_input"};     // [c, x, y, f]
    Output<Buffer<void, 3>> d_patches{"d_patches"}; // [i, j, f]
    Output<Buffer<void, 1>> d_frames{"d_frames"};   // [f]

    void configure() {
        const Type type = element_type(dtype);
        for (auto *buffer : {&input, &d_output, &d_input_before})
            buffer->set_type(type);
        for (auto *buffer : {&patches, &d_patches_before})
            buffer->set_type(type);
        frames.set_type(type);
        d_input.set_type(type);
        d_patches.set_type(type);
        d_frames.set_type(type);
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr one = Internal::make_const(type, 1);
        const Expr width = d_output.dim(1).extent(), height = d_output.dim(2).extent();
        const Expr columns = patches.dim(0).extent(), rows = patches.dim(1).extent();
        const Expr patch = patches(patch_of(x, width, columns), patch_of(y, height, rows), f);
        const Expr gradient = (framed ? one - frames(f) * (one - patch) : patch) * d_output(c, x, y, f);
        d_input(c, x, y, f) = accumulate ? d_input_before(c, x, y, f) + gradient : gradient;
        sum_products(width, height, columns, rows);
        const Expr each = cast(type, framed ? cast<double>(frames(f)) * worth(i, j, f) : worth(i, j, f));
        d_patches(i, j, f) = accumulate_mask ? d_patches_before(i, j, f) + each : each;
        const RDom all(0, columns, 0, rows, "all");
        frame_sum(f) = cast<double>(0);
        frame_sum(f) += cast<double>(patches(all.x, all.y, f) - one) * worth(all.x, all.y, f);
        d_frames(f) = framed ? cast(type, frame_sum(f)) : Internal::make_zero(type);
        constrain();
    }

    void schedule() {
        schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {x}, {y, f}}, target);
        schedule_cpu(afnet::schedules::PatchProducts{products, column.x, tiles, line.x, worth}, target);
        if (framed) frame_sum.compute_root();
    }

private:
    // A row's products in the kernel's type, then everything in double.
    void sum_products(const Expr &width, const Expr &height, const Expr &columns, const Expr &rows) {
        const Type type = element_type(dtype);
        const Run across = pixels_of(i, width, columns), down = pixels_of(j, height, rows);
        column = RDom(0, most_pixels(width, columns), "column");
        column.where(column.x < across.length());
        const Expr at = clamp(across.begin + column.x, 0, width - 1);
        products(c, i, y, f) = Internal::make_zero(type);
        products(c, i, y, f) += d_output(c, at, y, f) * input(c, at, y, f);
        line = RDom(0, most_pixels(height, rows), "line");
        line.where(line.x < down.length());
        tiles(c, i, j, f) = cast<double>(0);
        tiles(c, i, j, f) += cast<double>(products(c, i, clamp(down.begin + line.x, 0, height - 1), f));
        const RDom channels(0, d_output.dim(0).extent(), "channels");
        worth(i, j, f) = cast<double>(0);
        worth(i, j, f) += tiles(channels, i, j, f);
    }

    void constrain() {
        frames_from_zero(input);
        frames_from_zero(patches);
        frames_from_zero(d_output);
        frames_from_zero(d_input);
        frames_from_zero(d_patches);
        d_frames.dim(0).set_min(0);
        if (framed) frames.dim(0).set_min(0);
        if (accumulate) frames_from_zero(d_input_before);
        if (accumulate_mask) frames_from_zero(d_patches_before);
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"}, i{"i"}, j{"j"};
    Func products{"products"}, tiles{"tiles"}, worth{"worth"}, frame_sum{"frame_sum"};
    RDom column, line;
};

} // namespace

HALIDE_REGISTER_GENERATOR(MaskPatchesGrad, mask_patches_grad)
