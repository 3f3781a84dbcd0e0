// The gradient of scatter_tiles towards the branch, from that before the activation; and what each listed tile's branch
// is worth: the derivative of the loss by a factor of its branch.
//
//   d_branch(c, x, y, n) = d_sum(c, X, Y, sources(0, n))        X, Y: pixel (x, y) of tile n
//   worth(n) = sum_{c,x,y} d_branch(c, x, y, n) branch(c, x, y, n)
#include "generators/dtype.h"
#include "generators/tiles.h"
#include "schedules/tiles_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class ScatterTilesGrad : public Generator<ScatterTilesGrad> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> d_sum{"d_sum"};        // [c, x, y, f]
    Input<Buffer<void, 4>> branch{"branch"};      // [c, x, y, n]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, n]
    Input<Buffer<int32_t, 2>> places{"places"};   // [column row, n]
    Output<Buffer<void, 4>> d_branch{"d_branch"}; // [c, x, y, n]
    Output<Buffer<void, 1>> worth{"worth"};       // [n]

    void configure() {
        for (auto *buffer : {&d_sum, &branch})
            buffer->set_type(element_type(dtype));
        d_branch.set_type(element_type(dtype));
        worth.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        const Expr side = d_branch.dim(1).extent();
        const auto gradient = [&](const Expr &i, const Expr &j) {
            return Expr(d_sum(c, tile_pixel(places, n, 1, i, side, d_sum), tile_pixel(places, n, 2, j, side, d_sum),
                              source_frame(sources, 0, n, d_sum)));
        };
        d_branch(c, x, y, n) = gradient(x, y);
        column = RDom(0, side, "column");
        rows = RDom(0, side, "rows");
        const RDom channels(0, d_branch.dim(0).extent(), "channels");
        row_sum(c, y, n) = Internal::make_const(type, 0);
        row_sum(c, y, n) += gradient(column, y) * branch(c, column, y, n);
        total(c, n) = cast<double>(0);
        total(c, n) += cast<double>(row_sum(c, rows, n));
        sum(n) = cast<double>(0);
        sum(n) += total(channels, n);
        worth(n) = cast(type, sum(n));
        frames_from_zero(d_sum);
        frames_from_zero(branch);
        frames_from_zero(d_branch);
        work_list(sources);
        tile_places(places);
        worth.dim(0).set_bounds(0, d_branch.dim(3).extent());
    }

    void schedule() {
        const Expr side = d_branch.dim(1).extent();
        schedule_cpu(afnet::schedules::TileLoops{Func(d_branch), c, x, y, n, side}, target);
        schedule_cpu(afnet::schedules::TileTotals{row_sum, total, sum, worth, column.x, rows.x, side}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, n{"n"};
    Func row_sum{"row_sum"}, total{"total"}, sum{"sum"};
    RDom column, rows;
};

} // namespace

HALIDE_REGISTER_GENERATOR(ScatterTilesGrad, scatter_tiles_grad)
