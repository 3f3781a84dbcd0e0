// The gradient of scatter_frames towards the branch, from that before the activation; and what each listed frame's
// branch is worth: the derivative of the loss by a factor of its branch.
//
//   d_branch(c, x, y, s) = d_sum(c, x, y, sources(0, s))
//   worth(s) = sum_{c,x,y} d_branch(c, x, y, s) branch(c, x, y, s)
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/map_gradient_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class ScatterFramesGrad : public Generator<ScatterFramesGrad> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> d_sum{"d_sum"};        // [c, x, y, f]
    Input<Buffer<void, 4>> branch{"branch"};      // [c, x, y, s]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, s]
    Output<Buffer<void, 4>> d_branch{"d_branch"}; // [c, x, y, s]
    Output<Buffer<void, 1>> worth{"worth"};       // [s]

    void configure() {
        for (auto *buffer : {&d_sum, &branch})
            buffer->set_type(element_type(dtype));
        d_branch.set_type(element_type(dtype));
        worth.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        const auto gradient = [&](const Expr &i, const Expr &j) {
            return Expr(d_sum(c, i, j, source_frame(sources, 0, s, d_sum)));
        };
        d_branch(c, x, y, s) = gradient(x, y);
        column = RDom(0, d_branch.dim(1).extent(), "column");
        rows = RDom(0, d_branch.dim(2).extent(), "rows");
        const RDom channels(0, d_branch.dim(0).extent(), "channels");
        row_sum(c, row, s) = Internal::make_const(type, 0);
        row_sum(c, row, s) += gradient(column, row) * branch(c, column, row, s);
        total(c, s) = cast<double>(0);
        total(c, s) += cast<double>(row_sum(c, rows, s));
        sum(s) = cast<double>(0);
        sum(s) += total(channels, s);
        worth(s) = cast(type, sum(s));
        frames_from_zero(d_sum);
        frames_from_zero(branch);
        frames_from_zero(d_branch);
        work_list(sources);
        worth.dim(0).set_bounds(0, d_branch.dim(3).extent());
    }

    void schedule() {
        total.compute_root();
        sum.compute_root();
        schedule_cpu(afnet::schedules::MapGradient{d_branch, y, 1, {}, row_sum, total, c, x, row, s, column.x, rows.x},
                     target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, row{"row"}, s{"s"};
    Func row_sum{"row_sum"}, total{"total"}, sum{"sum"};
    RDom column, rows;
};

} // namespace

HALIDE_REGISTER_GENERATOR(ScatterFramesGrad, scatter_frames_grad)
