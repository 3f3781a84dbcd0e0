// Fully connected layer on one vector per frame.
//
//   output(k, f) = act(bias(k) + sum_c weights(k, c) input(c, f))
#include "generators/activation.h"
#include "generators/layout.h"
#include "schedules/linear_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;

class Linear : public Generator<Linear> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Linear, afnet::generators::activation_names()};
    afnet::schedules::LinearKnobs knobs;

    Input<Buffer<float, 2>> input{"input"};     // [c, f]
    Input<Buffer<float, 3>> weights{"weights"}; // [co_block, c, block]
    Input<Buffer<float, 2>> bias{"bias"};       // [co_block, block]
    Output<Buffer<float, 2>> output{"output"};  // [k, f]

    void generate() {
        co_block = get_target().has_gpu_feature() ? linear_gpu_co_block(knobs) : linear_co_block(knobs, target);
        r = RDom(0, input.dim(0).extent(), "r");
        sum(k, f) = bias(k % co_block, k / co_block);
        sum(k, f) += weights(k % co_block, r, k / co_block) * input(r, f);
        output(k, f) = activate(activation, sum(k, f));
        afnet::generators::frames_from_zero(input);
        weights.dim(0).set_bounds(0, co_block);
        weights.dim(1).set_min(0).set_stride(co_block);
        weights.dim(2).set_min(0);
        bias.dim(0).set_bounds(0, co_block);
        bias.dim(1).set_min(0).set_stride(co_block);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() {
        const afnet::schedules::LinearStages stages{sum, output, k, f, r};
        get_target().has_gpu_feature() ? schedule_gpu(stages, co_block) : schedule_cpu(stages, knobs, co_block, target);
    }

private:
    Var k{"k"}, f{"f"};
    Func sum{"sum"};
    RDom r;
    int co_block = 0;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Linear, linear)
