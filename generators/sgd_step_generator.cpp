// A step of stochastic gradient descent with momentum, as PyTorch's SGD takes it; in place or not.
//
//   g = scale gradient(i) + decay parameter_before(i)        momentum(i) = m momentum_before(i) + g
//   parameter(i) = parameter_before(i) - rate momentum(i),   with nesterov: - rate (g + m momentum(i))
//
// where m is the scalar `momentum`, in the kernel's signature `momentum_factor`, and `scale` clips the gradient.
#include "generators/dtype.h"
#include "schedules/parameter_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class SgdStep : public Generator<SgdStep> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 1>> parameter_before{"parameter_before"}; // [n]; may be `parameter`
    Input<Buffer<void, 1>> gradient{"gradient"};                 // [n]
    Input<Buffer<void, 1>> momentum_before{"momentum_before"};   // [n]; may be `momentum`
    Input<double> rate{"rate"}, decay{"decay"}, momentum_factor{"momentum_factor"};
    Input<int32_t> nesterov{"nesterov"};
    Input<double> scale{"scale"};
    Output<Buffer<void, 1>> parameter{"parameter"}; // [n]
    Output<Buffer<void, 1>> momentum{"momentum"};   // [n]

    void configure() {
        for (auto *buffer : {&parameter_before, &gradient, &momentum_before})
            buffer->set_type(element_type(dtype));
        parameter.set_type(element_type(dtype));
        momentum.set_type(element_type(dtype));
    }

    void generate() {
        const auto factor = [&](const Expr &scalar) { return cast(element_type(dtype), scalar); };
        const Expr g = factor(scale) * gradient(i) + factor(decay) * parameter_before(i);
        const Expr moved = factor(momentum_factor) * momentum_before(i) + g;
        const Expr direction = select(nesterov != 0, g + factor(momentum_factor) * moved, moved);
        step(i) = Tuple(parameter_before(i) - factor(rate) * direction, moved);
        parameter(i) = step(i)[0];
        momentum(i) = step(i)[1];
        for (auto *buffer : {&parameter_before, &gradient, &momentum_before})
            buffer->dim(0).set_min(0);
        parameter.dim(0).set_min(0);
        momentum.dim(0).set_bounds(0, parameter.dim(0).extent());
    }

    void schedule() { schedule_cpu(afnet::schedules::ParameterLoops{step, {parameter, momentum}, i}, target); }

private:
    Var i{"i"};
    Func step{"step"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(SgdStep, sgd_step)
