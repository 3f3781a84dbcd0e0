// Dynamic fusion of both branches, at inference in place on the focal one (AFNet eq. 8; AFNET_SPEC §2.3).
//
//   output(c, x, y, f) = act(theta(c, f) a(c, X, Y, f) + (1 - theta(c, f)) b(c, x, y, f))
//
// a: ample branch at low resolution, enlarged by nearest neighbour: X = floor(x w_a / W); b: focal branch. With
// `response` k > 0 frames that `mask` rejects still lack the F(0) of the branch's last block, which has a k x k
// convolution and a linear end: then b(c, x, y, f) + F(0)(c, x, y) is fused (generators/zero_response.h).
#include "generators/activation.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/zero_response.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;
using afnet::generators::rounded;
using afnet::generators::widened;

class FuseBranches : public Generator<FuseBranches> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<int> response{"response", 0};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> ample{"ample"};      // [c, x / 2, y / 2, f]
    Input<Buffer<void, 4>> focal{"focal"};      // [c, x, y, f]; may be the output
    Input<Buffer<void, 2>> theta{"theta"};      // [c, f]
    Output<Buffer<void, 4>> output{"output"};   // [c, x, y, f]

    void configure() {
        ample.set_type(element_type(dtype));
        focal.set_type(element_type(dtype));
        theta.set_type(sum_type(dtype));
        output.set_type(element_type(dtype));
        if (response == 0) return;
        residual = add_input<Buffer<>>("residual", Float(32), 4); // [c, m_x, m_y, 1]
        mask = add_input<Buffer<>>("mask", Int(32), 1);           // [f]
    }

    void generate() {
        const auto coarse = [&](Expr i, int dimension) {
            return i * ample.dim(dimension).extent() / output.dim(dimension).extent();
        };
        const Expr a = widened(ample(c, coarse(x, 1), coarse(y, 2), f));
        Expr b = widened(focal(c, x, y, f));
        if (response > 0) {
            b += select((*mask)(f) != 0, 0.0f,
                        afnet::generators::zero_response_at(*residual, c, x, y, output, response));
            afnet::generators::frames_from_zero(*residual);
            afnet::generators::frames_from_zero(*mask);
        }
        const Expr rest = Internal::make_one(sum_type(dtype)) - theta(c, f);
        output(c, x, y, f) = rounded(dtype, activate(activation, theta(c, f) * a + rest * b));
        afnet::generators::frames_from_zero(ample);
        afnet::generators::frames_from_zero(focal);
        afnet::generators::frames_from_zero(theta);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() { afnet::schedules::schedule(afnet::schedules::ElementwiseLoops{Func(output), c, {x}, {y, f}}, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    Input<Buffer<>> *residual = nullptr, *mask = nullptr; // read with `response`
};

}  // namespace

HALIDE_REGISTER_GENERATOR(FuseBranches, fuse_branches)
