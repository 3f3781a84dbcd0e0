// The gradients of temporal_shift: what is shifted back, and what each frame's mask meets.
//
//   d_input(c, x, y, f) [+]= [mask(g)] d_output(c, x, y, g)        with `shift`, g = f - 1 for the first eighth of
//                                                                  channels, f + 1 for the second, within the clip
//   d_mask(f) = sum_{c,x,y} d_output(c, x, y, f) TSM(input)(c, x, y, f)        0 without `masked`
#include "generators/derivation.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/temporal_shift.h"
#include "schedules/temporal_shift_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class TemporalShiftGrad : public Generator<TemporalShiftGrad> {
public:
    GeneratorParam<bool> shift{"shift", true};
    GeneratorParam<bool> masked{"masked", false};
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Derivation> derivation{"derivation", Derivation::Closed, derivation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> input{"input"};                   // [c, x, y, f], read with `masked`
    Input<Buffer<void, 1>> mask{"mask"};                     // [f], read with `masked`
    Input<Buffer<void, 4>> d_output{"d_output"};             // [c, x, y, f]
    Input<Buffer<void, 4>> d_input_before{"d_input_before"}; // [c, x, y, f], read by `accumulate`; may be d_input
    Input<int32_t> frames_per_clip{"frames_per_clip"};       // read with `shift`
    Output<Buffer<void, 4>> d_input{"d_input"};              // [c, x, y, f]
    Output<Buffer<void, 1>> d_mask{"d_mask"};                // [f]

    void configure() {
        for (auto *buffer : {&input, &d_output, &d_input_before})
            buffer->set_type(element_type(dtype));
        mask.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
        d_mask.set_type(element_type(dtype));
    }

    void generate() {
        if (derivation == Derivation::Closed) {
            write_input_gradient(shifted_back());
            if (masked) sum_products();
        } else {
            derive();
        }
        if (!masked) d_mask(f) = Internal::make_const(element_type(dtype), 0);
        frames_from_zero(d_output);
        frames_from_zero(d_input);
        d_mask.dim(0).set_min(0);
        if (accumulate) frames_from_zero(d_input_before);
        if (!masked) return;
        frames_from_zero(input);
        mask.dim(0).set_min(0);
    }

    void schedule() {
        using namespace afnet::schedules;
        if (derivation == Derivation::Adjoint) {
            compute_reductions_at_root({Func(d_input), Func(d_mask)});
            return;
        }
        schedule_cpu(ShiftedRows{back.shifted, back.channels}, Func(d_input), target);
        if (!masked) return;
        schedule_cpu(FrameProducts{{shifted.shifted, shifted.channels}, products, column.x, frames, row.x, result},
                     target);
    }

private:
    void write_input_gradient(const Expr &gradient) {
        d_input(c, x, y, f) = accumulate ? d_input_before(c, x, y, f) + gradient : gradient;
    }

    Expr shifted_back() {
        const auto weighted = [&](const Expr &channel, const Expr &i, const Expr &j, const Expr &g) {
            const Expr gradient = d_output(channel, i, j, g);
            return masked ? mask(g) * gradient : gradient;
        };
        if (!shift) return weighted(c, x, y, f);
        back = temporal_shift("back", weighted, -1, d_output.dim(0).extent(), frames_per_clip, d_output.dim(3).extent(),
                              element_type(dtype));
        return back.shifted(c, x, y, f);
    }

    // A row's products in the kernel's type, then everything in double.
    void sum_products() {
        const Type type = element_type(dtype);
        const auto frame = [&](const Expr &channel, const Expr &i, const Expr &j, const Expr &g) {
            return Expr(input(channel, i, j, g));
        };
        if (shift) {
            shifted = temporal_shift("shifted", frame, 1, d_output.dim(0).extent(), frames_per_clip,
                                     d_output.dim(3).extent(), type);
        }
        column = RDom(0, d_output.dim(1).extent(), "column");
        row = RDom(0, d_output.dim(2).extent(), "row");
        const RDom all(0, d_output.dim(0).extent(), "all");
        const Expr read = shift ? shifted.shifted(c, column, y, f) : frame(c, column, y, f);
        products(c, y, f) = Internal::make_const(type, 0);
        products(c, y, f) += d_output(c, column, y, f) * read;
        frames(c, f) = cast<double>(0);
        frames(c, f) += cast<double>(products(c, row, f));
        result(f) = cast<double>(0);
        result(f) += frames(all, f);
        d_mask(f) = cast(type, result(f));
    }

    // From the definition: frames that no clip has are zero, and reading them is no scatter.
    void derive() {
        const Type type = element_type(dtype);
        const Expr zero = Internal::make_const(type, 0), fold = d_output.dim(0).extent() / 8, t = f % frames_per_clip;
        const Expr end = d_output.dim(3).extent();
        const Region all_frames = {{}, {}, {}, {0, end}};
        Func definition("definition"), weight("weight"), after("after");
        definition(c, x, y, f) = masked ? BoundaryConditions::constant_exterior(input, zero, all_frames)(c, x, y, f)
                                        : zero; // without a mask, values do not matter
        weight(f) = masked ? Expr(mask(f)) : Internal::make_const(type, 1);
        Expr value = definition(c, x, y, f);
        if (shift) {
            value = select(c < fold, select(t + 1 < frames_per_clip, definition(c, x, y, f + 1), zero), c < 2 * fold,
                           select(t > 0, definition(c, x, y, f - 1), zero), value);
        }
        after(c, x, y, f) = weight(f) * value;
        const Func gradient = BoundaryConditions::constant_exterior(d_output, zero, all_frames);
        const Derivative derivative = propagate_adjoints(after, gradient, whole_region(d_output));
        write_input_gradient(derivative(definition)(c, x, y, f));
        if (masked) d_mask(f) = derivative(weight)(f);
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    TemporalShift back, shifted;
    Func products{"products"}, frames{"frames"}, result{"result"};
    RDom column, row;
};

} // namespace

HALIDE_REGISTER_GENERATOR(TemporalShiftGrad, temporal_shift_grad)
