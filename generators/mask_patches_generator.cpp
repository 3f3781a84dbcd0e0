// What a spatial mask leaves of a map in training (AFNET_SPEC §11): its product with the mask, enlarged by nearest
// neighbour (patch_grid.h).
//
//   output(c, x, y, f) = m input(c, x, y, f)        m = patches(patch(x), patch(y), f)
//
// With `framed`, frames that a temporal mask rejects stay as they are: m = 1 - frames(f) (1 - patches(...)).
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/patch_grid.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class MaskPatches : public Generator<MaskPatches> {
public:
    GeneratorParam<bool> framed{"framed", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> input{"input"};     // [c, x, y, f]
    Input<Buffer<void, 3>> patches{"patches"}; // [i, j, f]
    Input<Buffer<void, 1>> frames{"frames"};   // [f], read with `framed`
    Output<Buffer<void, 4>> output{"output"};  // [c, x, y, f]

    void configure() {
        const Type type = element_type(dtype);
        input.set_type(type);
        patches.set_type(type);
        frames.set_type(type);
        output.set_type(type);
    }

    void generate() {
        const Expr patch = patches(patch_of(x, output.dim(1).extent(), patches.dim(0).extent()),
                                   patch_of(y, output.dim(2).extent(), patches.dim(1).extent()), f);
        const Expr one = Internal::make_const(element_type(dtype), 1);
        output(c, x, y, f) = (framed ? one - frames(f) * (one - patch) : patch) * input(c, x, y, f);
        frames_from_zero(input);
        frames_from_zero(output);
        frames_from_zero(patches);
        if (framed) frames.dim(0).set_min(0);
    }

    void schedule() { schedule_cpu(afnet::schedules::ElementwiseLoops{Func(output), c, {x}, {y, f}}, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(MaskPatches, mask_patches)
