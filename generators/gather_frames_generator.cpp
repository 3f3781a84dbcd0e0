// What a focal block's first convolution reads in sparse training: the listed frames, one behind the other, shifted
// where the network shifts.
//
//   output(c, x, y, s) = input(c, x, y, sources(k, s))        k = 0; with `shift`, 1 for the first eighth of channels
//                                                             and 2 for the second; beyond the clip's ends zero
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/temporal_shift.h"
#include "schedules/temporal_shift_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class GatherFrames : public Generator<GatherFrames> {
public:
    GeneratorParam<bool> shift{"shift", true};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> input{"input"};        // [c, x, y, f]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, s]
    Output<Buffer<void, 4>> output{"output"};     // [c, x, y, s]

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const auto frame = [&](const Expr &channel, const Expr &i, const Expr &j, const Expr &g) {
            return Expr(input(channel, i, j, g));
        };
        const auto source = [&](int kind, const Expr &at) { return Expr(sources(kind, at)); };
        if (shift) {
            shifted = listed_shift("shifted", frame, source, input.dim(0).extent(), input.dim(3).extent(),
                                   element_type(dtype));
            output(c, x, y, s) = shifted.shifted(c, x, y, s);
        } else {
            output(c, x, y, s) = input(c, x, y, source_frame(sources, 0, s, input));
        }
        frames_from_zero(input);
        frames_from_zero(output);
        work_list(sources);
    }

    void schedule() {
        schedule_cpu(afnet::schedules::ShiftedRows{shifted.shifted, shifted.channels}, Func(output), target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, s{"s"};
    TemporalShift shifted;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GatherFrames, gather_frames)
