// What the focal branch leaves on frames that the mask rejects, in place.
//
//   output(c, x, y, F) = act(state(c, x, y, F) + residual(c, bx, by)),   F = sources(0, s) for listed s
//
// On GPUs the kernel has one more input, `count`: it reads the list behind so many entries, where the caller of a CPU
// kernel hands in the rest of the list alone.
//
// The residual is F(0), and (bx, by) where its distinct columns and rows hold (x, y): generators/zero_response.h.
#include "generators/activation.h"
#include "generators/counted_frames.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/zero_response.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;
using afnet::generators::rounded;
using afnet::generators::widened;

class FillUnselected : public Generator<FillUnselected> {
public:
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};

    Input<Buffer<void, 4>> state{"state"};         // [c, x, y, f]; may be the output
    Input<Buffer<float, 4>> residual{"residual"};  // [c, m_x, m_y, 1]
    Input<Buffer<int32_t, 2>> sources{"sources"};  // [self next previous, s]
    Output<Buffer<void, 4>> output{"output"};      // [c, x, y, f]

    void configure() {
        state.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
        if (get_target().has_gpu_feature()) count = add_input<Buffer<int32_t, 1>>("count"); // [1]
    }

    void generate() {
        listed = RDom(0, sources.dim(1).extent(), "s");
        if (count) {
            listed.where(!afnet::generators::is_listed(listed.x, *count));
            count->dim(0).set_bounds(0, 1);
        }
        const Expr frame = afnet::generators::source_frame(sources, 0, listed.x, output);
        output(c, x, y, f) = undef(element_type(dtype));
        const Expr response = afnet::generators::zero_response_at(residual, c, x, y, output, kernel);
        output(c, x, y, frame) = rounded(dtype, activate(activation, widened(state(c, x, y, frame)) + response));
        afnet::generators::frames_from_zero(state);
        afnet::generators::frames_from_zero(residual);
        afnet::generators::frames_from_zero(output);
        afnet::generators::work_list(sources);
    }

    void schedule() {
        if (count) output.gpu_blocks(f); // undefined: no code, but no access by the host either
        output.update().allow_race_conditions();  // the list names each frame once
        afnet::schedules::schedule(afnet::schedules::ElementwiseLoops{output.update(), c, {x}, {y, RVar(listed.x)}}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    RDom listed;
    GeneratorInput<Buffer<int32_t, 1>> *count = nullptr;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(FillUnselected, fill_unselected)
