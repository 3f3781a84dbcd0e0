// What a focal block's branch leaves on the frames of a list in sparse training; those of the other list get the stream
// alone. Each kernel stores its list's frames and no others.
//
//   output(c, x, y, F) = act(state(c, x, y, F) [+ branch(c, x, y, s)]),   F = sources(0, s) for listed s
#include "generators/batch_norm.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class ScatterFrames : public Generator<ScatterFrames> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, norm_activation_names()};
    GeneratorParam<bool> add_branch{"add_branch", true};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> state{"state"};        // [c, x, y, f]
    Input<Buffer<void, 4>> branch{"branch"};      // [c, x, y, s], read with `add_branch`
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, s]
    Output<Buffer<void, 4>> output{"output"};     // [c, x, y, f]

    void configure() {
        state.set_type(element_type(dtype));
        branch.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        listed = RDom(0, sources.dim(1).extent(), "listed");
        const Expr frame = source_frame(sources, 0, listed.x, output);
        Expr value = state(c, x, y, frame);
        if (add_branch) value += branch(c, x, y, listed.x);
        output(c, x, y, f) = undef(element_type(dtype));
        output(c, x, y, frame) = activate(activation, value);
        frames_from_zero(state);
        frames_from_zero(output);
        if (add_branch) frames_from_zero(branch);
        work_list(sources);
    }

    void schedule() {
        output.update().allow_race_conditions(); // the list names each frame once
        schedule_cpu(afnet::schedules::ElementwiseLoops{output.update(), c, {x}, {y, RVar(listed.x)}}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    RDom listed;
};

} // namespace

HALIDE_REGISTER_GENERATOR(ScatterFrames, scatter_frames)
