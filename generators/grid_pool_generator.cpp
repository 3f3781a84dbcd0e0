// Adaptive average pooling to a grid, as PyTorch's AdaptiveAvgPool2d.
//
//   output(c, i, j, f) = mean of input(c, x, y, f) over window i of columns and window j of rows (patch_grid.h)
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/patch_grid.h"
#include "schedules/grid_pool_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class GridPool : public Generator<GridPool> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> input{"input"};    // [c, x, y, f]
    Output<Buffer<void, 4>> output{"output"}; // [c, i, j, f], whose extents are the grid's

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const Expr width = input.dim(1).extent(), height = input.dim(2).extent();
        const Expr columns = output.dim(1).extent(), rows = output.dim(2).extent();
        const Run across = window_of(i, width, columns), down = window_of(j, height, rows);
        r = RDom(0, most_of_window(width, columns), 0, most_of_window(height, rows), "r");
        r.where(r.x < across.length() && r.y < down.length());
        sum(c, i, j, f) = Internal::make_zero(element_type(dtype));
        sum(c, i, j, f) += input(c, clamp(across.begin + r.x, 0, width - 1), clamp(down.begin + r.y, 0, height - 1), f);
        output(c, i, j, f) = sum(c, i, j, f) / cast(element_type(dtype), across.length() * down.length());
        frames_from_zero(input);
        frames_from_zero(output);
    }

    void schedule() { schedule_cpu(afnet::schedules::GridSums{sum, Func(output), {r.x, r.y}}, target); }

private:
    Var c{"c"}, i{"i"}, j{"j"}, f{"f"};
    Func sum{"sum"};
    RDom r;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GridPool, grid_pool)
