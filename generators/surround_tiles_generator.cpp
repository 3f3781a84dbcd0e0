// Listed tiles (generators/tiles.h) with a pixel of their neighbours on every side: what a 3x3 convolution reads of a
// compact tensor, and what its gradient reads of another. A neighbour that is not listed, or lies outside the frame, is
// zero.
//
//   output(c, x, y, n) = input(c, (x - 1) % side, (y - 1) % side, m - 1)        0 where m = 0
//   m                  = slots(places(0, n) + (x - 1) / side, places(1, n) + (y - 1) / side, sources(0, n))
//
// for x and y from 0 to side + 1; quotients are rounded down.
#include "generators/dtype.h"
#include "generators/points.h"
#include "generators/tiles.h"
#include "schedules/tiles_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class SurroundTiles : public Generator<SurroundTiles> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> input{"input"};        // [c, x, y, n]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, n]
    Input<Buffer<int32_t, 2>> places{"places"};   // [column row, n]
    Input<Buffer<int32_t, 3>> slots{"slots"};     // [i, j, f] with its zero border
    Output<Buffer<void, 4>> output{"output"};     // [c, x, y, n], 2 columns and rows more

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const Expr side = input.dim(1).extent(), tiles = input.dim(3).extent();
        const auto inside = [&](const Expr &at, int dimension) {
            return clamp(at, slots.dim(dimension).min(), slots.dim(dimension).max());
        };
        const Expr slot = slots(inside(places(0, n) + (x - 1) / side, 0), inside(places(1, n) + (y - 1) / side, 1),
                                inside(sources(0, n), 2));
        const auto within = [&](const Expr &at) { return clamp((at - 1) % side, 0, side - 1); };
        output(c, x, y, n) = select(slot > 0, input(c, within(x), within(y), clamp(slot - 1, 0, tiles - 1)),
                                    Internal::make_const(element_type(dtype), 0));
        frames_from_zero(input);
        frames_from_zero(output);
        bordered_slots(slots);
        work_list(sources);
        tile_places(places);
    }

    void schedule() {
        schedule_cpu(afnet::schedules::TileLoops{Func(output), c, x, y, n, output.dim(1).extent()}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, n{"n"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(SurroundTiles, surround_tiles)
