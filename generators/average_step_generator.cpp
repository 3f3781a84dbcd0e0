// The exponential moving average of a parameter, in place or not.
//
//   average(i) = decay average_before(i) + (1 - decay) parameter(i)
#include "generators/dtype.h"
#include "schedules/parameter_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class AverageStep : public Generator<AverageStep> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 1>> average_before{"average_before"}; // [n]; may be the output
    Input<Buffer<void, 1>> parameter{"parameter"};           // [n]
    Input<double> decay{"decay"};
    Output<Buffer<void, 1>> average{"average"}; // [n]

    void configure() {
        average_before.set_type(element_type(dtype));
        parameter.set_type(element_type(dtype));
        average.set_type(element_type(dtype));
    }

    void generate() {
        // As a step towards the parameter: with a decay near 1 a float would lose digits of decay and 1 - decay.
        const Expr towards = cast(element_type(dtype), 1 - decay);
        average(i) = average_before(i) + towards * (parameter(i) - average_before(i));
        average_before.dim(0).set_min(0);
        parameter.dim(0).set_min(0);
        average.dim(0).set_min(0);
    }

    void schedule() { schedule_cpu(afnet::schedules::ParameterLoops{Func(), {average}, i}, target); }

private:
    Var i{"i"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(AverageStep, average_step)
