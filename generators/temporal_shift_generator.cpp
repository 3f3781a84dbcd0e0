// What a focal block's first convolution reads in training: frames shifted (TSM), those that the mask rejects zero.
//
//   output(c, x, y, f) = [mask(f)] input(c, x, y, g)        with `shift`, g = f + 1 for the first eighth of channels,
//                                                           f - 1 for the second; beyond the clip's ends zero
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/temporal_shift.h"
#include "schedules/temporal_shift_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class TemporalShiftForward : public Generator<TemporalShiftForward> {
public:
    GeneratorParam<bool> shift{"shift", true};
    GeneratorParam<bool> masked{"masked", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> input{"input"};             // [c, x, y, f]
    Input<Buffer<void, 1>> mask{"mask"};               // [f], read with `masked`
    Input<int32_t> frames_per_clip{"frames_per_clip"}; // read with `shift`
    Output<Buffer<void, 4>> output{"output"};          // [c, x, y, f]

    void configure() {
        input.set_type(element_type(dtype));
        mask.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        Expr value = input(c, x, y, f);
        if (shift) {
            const auto frame = [&](const Expr &channel, const Expr &i, const Expr &j, const Expr &g) {
                return Expr(input(channel, i, j, g));
            };
            shifted = temporal_shift("shifted", frame, 1, input.dim(0).extent(), frames_per_clip, input.dim(3).extent(),
                                     element_type(dtype));
            value = shifted.shifted(c, x, y, f);
        }
        output(c, x, y, f) = masked ? mask(f) * value : value;
        frames_from_zero(input);
        frames_from_zero(output);
        if (masked) mask.dim(0).set_min(0);
    }

    void schedule() {
        schedule_cpu(afnet::schedules::ShiftedRows{shifted.shifted, shifted.channels}, Func(output), target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    TemporalShift shifted;
};

} // namespace

HALIDE_REGISTER_GENERATOR(TemporalShiftForward, temporal_shift)
