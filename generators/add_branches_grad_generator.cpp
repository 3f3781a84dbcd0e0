// Gradients of the fusion by addition (generators/add_branches_generator.cpp). The ample branch has half the columns
// and rows, rounded up: fine pixel (x, y) reads coarse pixel (x / 2, y / 2).
//
//   d_focal(c, x, y, f) = act'(c, x, y, f) d_output(c, x, y, f)           act' from the output
//   d_ample(c, X, Y, f) = sum of that over the up to four pixels that read (X, Y)
#include "generators/activation_gradient.h"
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;

class AddBranchesGrad : public Generator<AddBranchesGrad> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> output{"output"};     // [c, x, y, f], read unless linear
    Input<Buffer<void, 4>> d_output{"d_output"}; // [c, x, y, f]
    Output<Buffer<void, 4>> d_ample{"d_ample"};  // [c, x / 2, y / 2, f]
    Output<Buffer<void, 4>> d_focal{"d_focal"};  // [c, x, y, f]

    void configure() {
        for (auto *map : {&output, &d_output})
            map->set_type(element_type(dtype));
        for (auto *map : {&d_ample, &d_focal})
            map->set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr width = d_output.dim(1).extent(), height = d_output.dim(2).extent();
        const auto gradient = [&](const Expr &i, const Expr &j) {
            return d_output(c, i, j, f) * slope_from_output(activation, output(c, i, j, f));
        };
        d_focal(c, x, y, f) = gradient(x, y);
        Expr sum = Internal::make_zero(type);
        for (int v : {0, 1}) {
            for (int u : {0, 1}) {
                const Expr i = 2 * x + u, j = 2 * y + v;
                const Expr term = gradient(min(i, width - 1), min(j, height - 1));
                sum += u + v == 0 ? term : select(i < width && j < height, term, Internal::make_zero(type));
            }
        }
        d_ample(c, x, y, f) = sum;
        afnet::generators::frames_from_zero(d_output);
        if (activation != Activation::Linear) afnet::generators::frames_from_zero(output);
        for (auto *map : {&d_ample, &d_focal})
            afnet::generators::frames_from_zero(*map);
        for (int d : {1, 2}) {
            add_requirement(d_ample.dim(d).extent() == (d_output.dim(d).extent() + 1) / 2,
                            "the ample branch has half the pixels");
        }
    }

    void schedule() {
        for (auto *map : {&d_ample, &d_focal})
            schedule_cpu(afnet::schedules::ElementwiseLoops{Func(*map), c, {x}, {y, f}}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(AddBranchesGrad, add_branches_grad)
