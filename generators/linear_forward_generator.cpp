// Fully connected layer on one vector per frame, as training computes it: with weights as the optimiser keeps them.
//
//   output(k, f) = act(bias(k) + sum_c weights(k, c) input(c, f))
#include "generators/activation.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/reduction_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;

class LinearForward : public Generator<LinearForward> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Linear, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 2>> input{"input"};      // [c, f]
    Input<Buffer<void, 2>> weights{"weights"};  // [k, c]
    Input<Buffer<void, 1>> bias{"bias"};        // [k]
    Output<Buffer<void, 2>> output{"output"};   // [k, f]

    void configure() {
        input.set_type(sum_type(dtype));
        weights.set_type(sum_type(dtype));
        bias.set_type(sum_type(dtype));
        output.set_type(sum_type(dtype));
    }

    void generate() {
        r = RDom(0, input.dim(0).extent(), "r");
        sum(k, f) = bias(k);
        sum(k, f) += weights(k, r) * input(r, f);
        output(k, f) = activate(activation, sum(k, f));
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(weights);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() { schedule_cpu(afnet::schedules::ChannelReduction{sum, output, k, f, {r.x}}, target); }

private:
    Var k{"k"}, f{"f"};
    Func sum{"sum"};
    RDom r;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(LinearForward, linear_forward)
