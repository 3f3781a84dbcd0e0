// The gradient of grid_pool: each pixel gets its part of the windows that it lies in.
//
//   d_input(c, x, y, f) = sum of d_output(c, i, j, f) / size of window (i, j), over the windows that have (x, y)
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/patch_grid.h"
#include "schedules/grid_pool_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class GridPoolGrad : public Generator<GridPoolGrad> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> d_output{"d_output"}; // [c, i, j, f], whose extents are the grid's
    Output<Buffer<void, 4>> d_input{"d_input"};  // [c, x, y, f]

    void configure() {
        d_output.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
    }

    void generate() {
        const Expr width = d_input.dim(1).extent(), height = d_input.dim(2).extent();
        const Expr columns = d_output.dim(1).extent(), rows = d_output.dim(2).extent();
        const Run across = windows_of(x, width, columns), down = windows_of(y, height, rows);
        r = RDom(0, most_of_window(columns, width), 0, most_of_window(rows, height), "r");
        r.where(r.x < across.length() && r.y < down.length());
        const Expr i = clamp(across.begin + r.x, 0, columns - 1), j = clamp(down.begin + r.y, 0, rows - 1);
        const Expr size = window_of(i, width, columns).length() * window_of(j, height, rows).length();
        sum(c, x, y, f) = Internal::make_zero(element_type(dtype));
        sum(c, x, y, f) += d_output(c, i, j, f) / cast(element_type(dtype), size);
        d_input(c, x, y, f) = sum(c, x, y, f);
        frames_from_zero(d_output);
        frames_from_zero(d_input);
    }

    void schedule() { schedule_cpu(afnet::schedules::GridSums{sum, Func(d_input), {r.x, r.y}}, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    Func sum{"sum"};
    RDom r;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GridPoolGrad, grid_pool_grad)
