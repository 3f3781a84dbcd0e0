// What a focal block's first convolution reads in training, and to infer where frames have soft weights: frames shifted
// (TSM), times what the mask says.
//
//   output(c, x, y, f) = [mask(f)] input(c, x, y, g)        with `shift`, g = f + 1 for the first eighth of channels,
//                                                           f - 1 for the second; beyond the clip's ends zero
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/temporal_shift.h"
#include "schedules/elementwise_schedule.h"
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
        if (shift && on_gpu()) {
            value = chosen_frame();
        } else if (shift) {
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
        if (on_gpu()) {
            afnet::schedules::schedule_gpu(afnet::schedules::ElementwiseLoops{Func(output), c, {x}, {y, f}});
            return;
        }
        schedule_cpu(afnet::schedules::ShiftedRows{shifted.shifted, shifted.channels}, Func(output), target);
    }

private:
    bool on_gpu() const { return get_target().has_gpu_feature(); }

    // A thread has one element, and chooses its frame.
    Expr chosen_frame() {
        const Expr fold = input.dim(0).extent() / 8, t = f % frames_per_clip;
        const Expr moved = select(c < fold, 1, c < 2 * fold, -1, 0);
        const Expr inside = t + moved >= 0 && t + moved < frames_per_clip;
        const Expr from = input(c, x, y, clamp(f + moved, 0, input.dim(3).extent() - 1));
        return select(inside, from, Internal::make_const(element_type(dtype), 0));
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    TemporalShift shifted;
};

} // namespace

HALIDE_REGISTER_GENERATOR(TemporalShiftForward, temporal_shift)
