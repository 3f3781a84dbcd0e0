// A spatial mask's effect on frames whose pixels are all computed (AFNET_SPEC §11), at the pixels (x, y) that the mask
// does not select in the listed frames F_s = sources(0, s), in place:
//
//   output(c, x, y, s)   = 0                                     a compact tensor: what the next convolution reads
//   output(c, x, y, F_s) = state(c, x, y, F_s) - offset(c)       with `stream`: so that a convolution whose bias is
//                                                                `offset` adds nothing where it reads zeroes
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;

class MaskPixels : public Generator<MaskPixels> {
public:
    GeneratorParam<bool> stream{"stream", false};

    Input<Buffer<int32_t, 3>> mask{"mask"};       // [gx, gy, f]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, s]
    Input<Buffer<float, 4>> state{"state"};       // [c, x, y, f], the output; read with `stream`
    Input<Buffer<float, 1>> offset{"offset"};     // [c], read with `stream`
    Output<Buffer<float, 4>> output{"output"};    // [c, x, y, f] or [c, x, y, s]

    void generate() {
        const Expr width = output.dim(1).extent(), height = output.dim(2).extent();
        r = RDom(0, width, 0, height, 0, sources.dim(1).extent(), "r");
        const Expr frame = afnet::generators::source_frame(sources, 0, r.z, mask);
        const auto patch = [&](const Expr &pixel, const Expr &pixels, int dimension) {
            const Expr patches = mask.dim(dimension).extent();
            return clamp(pixel * patches / pixels, 0, patches - 1);
        };
        r.where(mask(patch(r.x, width, 0), patch(r.y, height, 1), frame) == 0);
        const Expr at = stream ? afnet::generators::source_frame(sources, 0, r.z, output) : Expr(r.z);
        output(c, x, y, f) = undef<float>();
        output(c, r.x, r.y, at) = stream ? state(c, r.x, r.y, at) - offset(c) : Expr(0.0f);
        afnet::generators::work_list(sources);
        afnet::generators::frames_from_zero(mask);
        afnet::generators::frames_from_zero(state);
        afnet::generators::frames_from_zero(offset);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() {
        Stage store = output.update();
        store.allow_race_conditions(); // the list names each frame once
        schedule_cpu(afnet::schedules::ElementwiseLoops{store, c, {r.x}, {r.y, r.z}}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    RDom r;
};

} // namespace

HALIDE_REGISTER_GENERATOR(MaskPixels, mask_pixels)
