// What a focal block's first convolution reads in sparse training with masks in space: the listed tiles
// (generators/tiles.h), one behind the other, shifted where the network shifts.
//
//   output(c, x, y, n) = input(c, X, Y, sources(k, n))        X, Y: pixel (x, y) of tile n
//
// k = 0; with `shift`, 1 for the first eighth of channels and 2 for the second; beyond the clip's ends zero.
#include "generators/dtype.h"
#include "generators/tiles.h"
#include "schedules/tiles_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class GatherTiles : public Generator<GatherTiles> {
public:
    GeneratorParam<bool> shift{"shift", true};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> input{"input"};        // [c, x, y, f]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, n]
    Input<Buffer<int32_t, 2>> places{"places"};   // [column row, n]
    Output<Buffer<void, 4>> output{"output"};     // [c, x, y, n]

    void configure() {
        input.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        output(c, x, y, n) = undef(element_type(dtype));
        const Expr channels = input.dim(0).extent(), fold = channels / 8;
        if (shift) {
            copy(0, fold, 1);
            copy(fold, fold, 2);
            copy(2 * fold, channels - 2 * fold, 0);
        } else {
            copy(0, channels, 0);
        }
        frames_from_zero(input);
        frames_from_zero(output);
        work_list(sources);
        tile_places(places);
    }

    void schedule() {
        for (size_t i = 0; i < groups.size(); i++) {
            schedule_cpu(
                afnet::schedules::TileLoops{output.update(int(i)), groups[i].x, x, y, n, output.dim(1).extent()},
                target);
        }
    }

private:
    void copy(const Expr &begin, const Expr &count, int kind) {
        const RDom group(begin, count, "channels");
        const Expr side = output.dim(1).extent();
        const Expr value = input(group.x, tile_pixel(places, n, 1, x, side, input),
                                 tile_pixel(places, n, 2, y, side, input), source_frame(sources, kind, n, input));
        const Expr inside = kind == 0 ? Expr(true) : sources(kind, n) < input.dim(3).extent();
        output(group.x, x, y, n) =
            kind == 0 ? value : select(inside, value, Internal::make_const(element_type(dtype), 0));
        groups.push_back(group);
    }

    Var c{"c"}, x{"x"}, y{"y"}, n{"n"};
    std::vector<RDom> groups;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GatherTiles, gather_tiles)
