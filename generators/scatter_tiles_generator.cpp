// What a focal block's branch leaves on the tiles of a list (generators/tiles.h) in sparse training with masks in
// space; those behind them in the list get the stream alone. Each kernel stores its list's tiles and no others.
//
//   output(c, X, Y, F) = act(state(c, X, Y, F) [+ branch(c, x, y, n)]),   X, Y: pixel (x, y) of tile n, F = sources(0,
//   n)
#include "generators/batch_norm.h"
#include "generators/tiles.h"
#include "schedules/tiles_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class ScatterTiles : public Generator<ScatterTiles> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, norm_activation_names()};
    GeneratorParam<bool> add_branch{"add_branch", true};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> state{"state"};        // [c, x, y, f]
    Input<Buffer<void, 4>> branch{"branch"};      // [c, x, y, n], read with `add_branch`
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, n]
    Input<Buffer<int32_t, 2>> places{"places"};   // [column row, n]
    Input<int32_t> side{"side"};                  // pixels
    Output<Buffer<void, 4>> output{"output"};     // [c, x, y, f]

    void configure() {
        state.set_type(element_type(dtype));
        branch.set_type(element_type(dtype));
        output.set_type(element_type(dtype));
    }

    void generate() {
        listed = RDom(0, side, 0, side, 0, sources.dim(1).extent(), "listed");
        const Expr frame = source_frame(sources, 0, listed.z, output);
        const Expr column = tile_pixel(places, listed.z, 1, listed.x, side, output);
        const Expr row = tile_pixel(places, listed.z, 2, listed.y, side, output);
        Expr value = state(c, column, row, frame);
        if (add_branch) value += branch(c, listed.x, listed.y, listed.z);
        output(c, x, y, f) = undef(element_type(dtype));
        output(c, column, row, frame) = activate(activation, value);
        frames_from_zero(state);
        frames_from_zero(output);
        if (add_branch) frames_from_zero(branch);
        work_list(sources);
        tile_places(places);
    }

    void schedule() {
        Stage store = output.update();
        store.allow_race_conditions(); // the list names each tile once
        schedule_cpu(afnet::schedules::TileLoops{store, c, RVar(listed.x), RVar(listed.y), RVar(listed.z), Expr(side)},
                     target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    RDom listed;
};

} // namespace

HALIDE_REGISTER_GENERATOR(ScatterTiles, scatter_tiles)
