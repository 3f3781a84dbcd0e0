// A step of Adam or, with `decoupled`, of AdamW, as PyTorch takes it; in place or not. `step` counts from 1.
//
//   g = scale gradient(i) + decay parameter_before(i)        decoupled: g = scale gradient(i), and the parameter is
//                                                            first multiplied by 1 - rate decay
//   first(i)  = beta1 first_before(i)  + (1 - beta1) g       second(i) = beta2 second_before(i) + (1 - beta2) g^2
//   parameter(i) = parameter_before(i) - rate / (1 - beta1^step) first(i) / (sqrt(second(i) / (1 - beta2^step)) +
//   epsilon)
#include "generators/dtype.h"
#include "schedules/parameter_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class AdamStep : public Generator<AdamStep> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 1>> parameter_before{"parameter_before"}; // [n]; may be `parameter`
    Input<Buffer<void, 1>> gradient{"gradient"};                 // [n]
    Input<Buffer<void, 1>> first_before{"first_before"};         // [n]; may be `first`
    Input<Buffer<void, 1>> second_before{"second_before"};       // [n]; may be `second`
    Input<double> rate{"rate"}, decay{"decay"}, beta1{"beta1"}, beta2{"beta2"}, epsilon{"epsilon"};
    Input<int32_t> step{"step"};
    Input<int32_t> decoupled{"decoupled"};
    Input<double> scale{"scale"};
    Output<Buffer<void, 1>> parameter{"parameter"}; // [n]
    Output<Buffer<void, 1>> first{"first"};         // [n]
    Output<Buffer<void, 1>> second{"second"};       // [n]

    void configure() {
        for (auto *buffer : {&parameter_before, &gradient, &first_before, &second_before})
            buffer->set_type(element_type(dtype));
        for (auto *buffer : {&parameter, &first, &second})
            buffer->set_type(element_type(dtype));
    }

    void generate() {
        const auto factor = [&](const Expr &scalar) { return cast(element_type(dtype), scalar); };
        const auto debias = [&](const Expr &beta) { return 1 / (1 - pow(beta, cast<double>(step))); };
        correction() = Tuple(factor(rate * debias(beta1)), factor(sqrt(debias(beta2))));

        const Expr shrunk = parameter_before(i) * factor(select(decoupled != 0, 1 - rate * decay, 1));
        const Expr coupled = factor(select(decoupled != 0, 0, decay));
        const Expr g = factor(scale) * gradient(i) + coupled * parameter_before(i);
        const Expr mean = factor(beta1) * first_before(i) + factor(1 - beta1) * g;
        const Expr square = factor(beta2) * second_before(i) + factor(1 - beta2) * g * g;
        const Expr deviation = sqrt(square) * correction()[1] + factor(epsilon);
        moved(i) = Tuple(shrunk - correction()[0] * (mean / deviation), mean, square);
        parameter(i) = moved(i)[0];
        first(i) = moved(i)[1];
        second(i) = moved(i)[2];
        for (auto *buffer : {&parameter_before, &gradient, &first_before, &second_before})
            buffer->dim(0).set_min(0);
        parameter.dim(0).set_min(0);
        for (auto *moment : {&first, &second})
            moment->dim(0).set_bounds(0, parameter.dim(0).extent());
    }

    void schedule() {
        correction.compute_root();
        schedule_cpu(afnet::schedules::ParameterLoops{moved, {parameter, first, second}, i}, target);
    }

private:
    Var i{"i"};
    Func correction{"correction"}, moved{"moved"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(AdamStep, adam_step)
