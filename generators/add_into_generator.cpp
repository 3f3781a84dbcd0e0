// A tensor added to another, in place or not: gradients that meet.
//
//   output(i) = output_before(i) + input(i)
#include "generators/dtype.h"
#include "schedules/parameter_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;

class AddInto : public Generator<AddInto> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 1>> input{"input"};                 // [n]
    Input<Buffer<void, 1>> output_before{"output_before"}; // [n]; may be the output
    Output<Buffer<void, 1>> output{"output"};              // [n]

    void configure() {
        input.set_type(element_type(dtype));
        output_before.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        output(i) = output_before(i) + input(i);
        input.dim(0).set_min(0);
        output_before.dim(0).set_min(0);
        output.dim(0).set_min(0);
    }

    void schedule() { schedule_cpu(afnet::schedules::ParameterLoops{Func(), {output}, i}, target); }

private:
    Var i{"i"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(AddInto, add_into)
