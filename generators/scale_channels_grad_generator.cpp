// Gradients of squeeze-and-excitation's product and activation (generators/scale_channels_generator.cpp; AFNET_SPEC
// §4).
//
//   g(c, x, y, f)       = act'(gate(c, f) input(c, x, y, f)) d_output(c, x, y, f)
//   d_input(c, x, y, f) = gate(c, f) g(c, x, y, f)
//   d_gate(c, f)        = sum_{x,y} g(c, x, y, f) input(c, x, y, f)
//
// The closed form goes over the maps once: each row is a task that writes d_input and one partial sum of d_gate.
// Partial sums are added in the order of the rows.
#include "generators/activation_gradient.h"
#include "generators/adjoint.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/map_gradient_schedule.h"
#include "schedules/stored_stages_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Derivation;
using afnet::generators::Dtype;

class ScaleChannelsGrad : public Generator<ScaleChannelsGrad> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};
    GeneratorParam<Derivation> derivation{"derivation", Derivation::Closed, afnet::generators::derivation_names()};

    Input<Buffer<void, 4>> input{"input"};       // [c, x, y, f]
    Input<Buffer<void, 2>> gate{"gate"};         // [c, f]
    Input<Buffer<void, 4>> d_output{"d_output"}; // [c, x, y, f]
    Output<Buffer<void, 4>> d_input{"d_input"};  // [c, x, y, f]
    Output<Buffer<void, 2>> d_gate{"d_gate"};    // [c, f]

    void configure() {
        input.set_type(element_type(dtype));
        gate.set_type(element_type(dtype));
        d_output.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
        d_gate.set_type(element_type(dtype));
    }

    void generate() {
        derivation == Derivation::Closed ? closed() : adjoint();
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(gate);
        afnet::generators::frames_from_zero(d_output);
        afnet::generators::frames_from_zero(d_input);
        afnet::generators::frames_from_zero(d_gate);
    }

    void schedule() {
        if (derivation == Derivation::Adjoint) {
            schedule_cpu(afnet::schedules::StoredStages{{d_input, d_gate}, {}}, target);
            return;
        }
        schedule_cpu(afnet::schedules::MapGradient{d_input, y, 1, {}, row_sum, d_gate, c, x, row, f, r.x, rows.x},
                     target);
    }

private:
    void closed() {
        Func gradient("gradient");
        gradient(c, x, y, f) = d_output(c, x, y, f) * slope(activation, gate(c, f) * input(c, x, y, f));
        d_input(c, x, y, f) = gate(c, f) * gradient(c, x, y, f);
        r = RDom(0, d_output.dim(1).extent(), "r");
        row_sum(c, row, f) = Internal::make_zero(element_type(dtype));
        row_sum(c, row, f) += gradient(c, r.x, row, f) * input(c, r.x, row, f);
        rows = RDom(0, d_output.dim(2).extent(), "rows");
        d_gate(c, f) = Internal::make_zero(element_type(dtype));
        d_gate(c, f) += row_sum(c, rows.x, f);
    }

    void adjoint() {
        Func map("map"), factor("factor"), scaled("scaled"), adjoint("adjoint");
        map(c, x, y, f) = input(c, x, y, f);
        factor(c, f) = gate(c, f);
        scaled(c, x, y, f) = differentiable_activation(activation, factor(c, f) * map(c, x, y, f));
        adjoint(c, x, y, f) = d_output(c, x, y, f);
        const Derivative d =
            propagate_adjoints(scaled, adjoint,
                               afnet::generators::whole({d_output.dim(0).extent(), d_output.dim(1).extent(),
                                                         d_output.dim(2).extent(), d_output.dim(3).extent()}));
        d_input(c, x, y, f) = d(map)(c, x, y, f);
        d_gate(c, f) = d(factor)(c, f);
    }

    Var c{"c"}, x{"x"}, y{"y"}, row{"row"}, f{"f"};
    Func row_sum{"row_sum"};
    RDom r, rows;
};

} // namespace

HALIDE_REGISTER_GENERATOR(ScaleChannelsGrad, scale_channels_grad)
