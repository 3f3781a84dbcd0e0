// Dynamic fusion of both branches (AFNet eq. 8) where the focal one is owed responses (generators/owed_responses.h):
// what fuse_branches computes of a finished stream, in place on the focal branch.
//
//   output(c, e, x, y, f) = act(theta(c, e, f) ample(c, e, X, Y, f) + (1 - theta(c, e, f)) finished(c, e, x, y, f))
#include "generators/activation.h"
#include "generators/owed_stream.h"
#include "schedules/elementwise_schedule.h"
#include "schedules/owed_responses_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;

class FuseOwedBranches : public Generator<FuseOwedBranches> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<bool> shift{"shift", false};
    GeneratorParam<int> response{"response", 0};

    Input<Buffer<float, 5>> ample{"ample"};         // [c / e, e, x / 2, y / 2, f], 8 parts e with `shift`, else 1
    Input<Buffer<float, 5>> focal{"focal"};         // [c / e, e, x, y, f]; may be the output
    Input<Buffer<float, 3>> theta{"theta"};         // [c / e, e, f]
    Input<Buffer<int32_t, 4>> owed{"owed"};         // [gx, gy, part, f]
    Input<Buffer<float, 4>> responses{"responses"}; // [c / e, e, (addend, floor), j]
    Output<Buffer<float, 5>> output{"output"};

    void configure() {
        if (response == 0) return;
        residual = add_input<Buffer<>>("residual", Float(32), 5); // [c / e, e, m_x, m_y, 1]
        mask = add_input<Buffer<>>("mask", Int(32), 1);           // [f]
    }

    void generate() {
        afnet::generators::OwedStream stream(focal, owed, responses, shift);
        const Expr width = output.dim(2).extent(), height = output.dim(3).extent();
        const Expr a = ample(c, e, x * ample.dim(2).extent() / width, y * ample.dim(3).extent() / height, f);
        const Expr b = afnet::generators::with_rejected(stream.finished(c, e, x, y, f), residual, mask, output,
                                                        {c, e, x, y, f}, response);
        const Expr t = theta(c, e, f);
        output(c, e, x, y, f) = activate(activation, t * a + (1.0f - t) * b);
        tables = stream.tables();
        afnet::generators::frames_from_zero(ample);
        afnet::generators::frames_from_zero(theta);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() {
        schedule_cpu(afnet::schedules::ElementwiseLoops{Func(output), c, {e, x}, {y, f}}, target);
        afnet::schedules::schedule_patch_tables(tables);
    }

private:
    Var c{"c"}, e{"e"}, x{"x"}, y{"y"}, f{"f"};
    std::vector<Func> tables;
    Input<Buffer<>> *residual = nullptr, *mask = nullptr; // read with `response`
};

} // namespace

HALIDE_REGISTER_GENERATOR(FuseOwedBranches, fuse_owed_branches)
