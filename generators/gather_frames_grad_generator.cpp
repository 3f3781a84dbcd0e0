// The gradient of gather_frames: each listed frame's goes to the frames that its channels came from, one each.
//
//   d_input(c, x, y, sources(k, s)) += d_output(c, x, y, s)        k as there; what came from beyond an end goes
//   nowhere
//
// With `accumulate` onto what d_input holds, else onto zeroes.
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/listed_frames_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class GatherFramesGrad : public Generator<GatherFramesGrad> {
public:
    GeneratorParam<bool> shift{"shift", true};
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> d_output{"d_output"};  // [c, x, y, s]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, s]
    Output<Buffer<void, 4>> d_input{"d_input"};   // [c, x, y, f]; with `accumulate` updated

    void configure() {
        d_output.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        d_input(c, x, y, f) = accumulate ? undef(type) : Internal::make_const(type, 0);
        const Expr channels = d_output.dim(0).extent(), fold = channels / 8;
        if (shift) {
            add(0, fold, 1);
            add(fold, fold, 2);
            add(2 * fold, channels - 2 * fold, 0);
        } else {
            add(0, channels, 0);
        }
        frames_from_zero(d_output);
        frames_from_zero(d_input);
        work_list(sources);
    }

    void schedule() {
        if (!accumulate) schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {x}, {y, f}}, target);
        schedule_cpu(afnet::schedules::ListedUpdates{d_input, terms}, target);
    }

private:
    void add(const Expr &begin, const Expr &count, int kind) {
        const Expr frames = d_input.dim(3).extent();
        RDom r(begin, count, 0, sources.dim(1).extent(), "listed");
        r.where(sources(kind, r.y) < frames);
        d_input(r.x, x, y, source_frame(sources, kind, r.y, d_input)) += d_output(r.x, x, y, r.y);
        terms.push_back(r);
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    std::vector<RDom> terms;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GatherFramesGrad, gather_frames_grad)
