// Fusion of both branches by addition, at inference in place on the focal one: the ablation of dynamic fusion
// (AFNET_SPEC §11).
//
//   output(c, x, y, f) = act(a(c, X, Y, f) + b(c, x, y, f))
//
// a: ample branch at low resolution, enlarged by nearest neighbour: X = floor(x w_a / W); b: focal branch.
#include "generators/activation.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;
using afnet::generators::rounded;
using afnet::generators::widened;

class AddBranches : public Generator<AddBranches> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> ample{"ample"};    // [c, x / 2, y / 2, f]
    Input<Buffer<void, 4>> focal{"focal"};    // [c, x, y, f]; may be the output
    Output<Buffer<void, 4>> output{"output"}; // [c, x, y, f]

    void configure() {
        ample.set_type(element_type(dtype));
        focal.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const auto coarse = [&](const Expr &i, int dimension) {
            return i * ample.dim(dimension).extent() / output.dim(dimension).extent();
        };
        const Expr sum = widened(ample(c, coarse(x, 1), coarse(y, 2), f)) + widened(focal(c, x, y, f));
        output(c, x, y, f) = rounded(dtype, activate(activation, sum));
        afnet::generators::frames_from_zero(ample);
        afnet::generators::frames_from_zero(focal);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() { afnet::schedules::schedule(afnet::schedules::ElementwiseLoops{Func(output), c, {x}, {y, f}}, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(AddBranches, add_branches)
