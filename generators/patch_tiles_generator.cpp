// Spatial masks in training to a list of tiles (generators/tiles.h): a stable partition of all frames' tiles, selected
// ones first, in the order of frames, rows and columns.
//
//   hit(i, j, f) = patches(patch(i), patch(j), f) != 0        with `framed`, and frames(f) != 0
//   count        = sum_{i,j,f} hit(i, j, f)
//
// A tile lies in one patch: patch(i) = floor(i gx / columns).
#include "generators/dtype.h"
#include "generators/patch_grid.h"
#include "generators/tiles.h"
#include "schedules/tiles_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class PatchTiles : public Generator<PatchTiles> {
public:
    GeneratorParam<bool> framed{"framed", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 3>> patches{"patches"};         // [gx, gy, f], numbers
    Input<Buffer<void, 1>> frames{"frames"};           // [f], numbers; read with `framed`
    Input<int32_t> frames_per_clip{"frames_per_clip"}; // T
    Output<Buffer<int32_t, 2>> sources{"sources"};     // [self next previous, n]
    Output<Buffer<int32_t, 2>> places{"places"};       // [column row, n]
    Output<Buffer<int32_t, 3>> slots{"slots"};         // [i, j, f]
    Output<Buffer<int32_t, 1>> count{"count"};         // [1]

    void configure() {
        patches.set_type(element_type(dtype));
        frames.set_type(element_type(dtype));
    }

    void generate() {
        const Expr columns = slots.dim(0).extent(), rows = slots.dim(1).extent(), all = slots.dim(2).extent();
        RDom across(0, columns, "across");
        rank(x, y, f) = 0;
        rank(across + 1, y, f) = rank(across, y, f) + select(hit(across, y, f), 1, 0);
        RDom lines(0, rows * all, "lines");
        before(line) = 0;
        before(lines + 1) = before(lines) + rank(columns, lines % rows, lines / rows);

        const auto place = [&](const Expr &i, const Expr &j, const Expr &frame) {
            const Expr rank_of = before(frame * rows + j) + rank(i, j, frame);
            const Expr index = (frame * rows + j) * columns + i;
            return select(hit(i, j, frame), rank_of, before(rows * all) + index - rank_of);
        };
        tiles = RDom(0, columns, 0, rows, 0, all, "tiles");
        const Expr at = clamp(place(tiles.x, tiles.y, tiles.z), 0, columns * rows * all - 1), t = tiles.z;
        const Expr next = select(t % frames_per_clip == frames_per_clip - 1, all, t + 1);
        const Expr previous = select(t % frames_per_clip == 0, all, t - 1);
        sources(entry, n) = undef<int32_t>();
        sources(entry, at) = mux(entry, {t, next, previous});
        places(entry, n) = undef<int32_t>();
        places(entry, at) = mux(entry, {tiles.x, tiles.y});
        slots(x, y, f) = select(hit(x, y, f), place(x, y, f) + 1, 0);
        count(n) = before(rows * all);
        constrain(columns * rows * all);
    }

    void schedule() {
        Func list = sources, columns = places;
        for (Func *partition : {&list, &columns})
            partition->update().allow_race_conditions(); // each place once
        schedule_cpu(afnet::schedules::TilePartition{rank, before, {list.update(), columns.update()}, entry, tiles},
                     target);
    }

private:
    Expr hit(const Expr &i, const Expr &j, const Expr &frame) {
        const Expr patch = patches(patch_of(i, slots.dim(0).extent(), patches.dim(0).extent()),
                                   patch_of(j, slots.dim(1).extent(), patches.dim(1).extent()), frame);
        const Expr zero = Internal::make_const(element_type(dtype), 0);
        return framed ? patch != zero && frames(frame) != zero : patch != zero;
    }

    void constrain(const Expr &number) {
        frames_from_zero(patches);
        frames_from_zero(slots);
        if (framed) frames.dim(0).set_min(0);
        work_list(sources);
        tile_places(places);
        sources.dim(1).set_extent(number);
        places.dim(1).set_extent(number);
        count.dim(0).set_bounds(0, 1);
    }

    Var x{"x"}, y{"y"}, f{"f"}, n{"n"}, entry{"entry"}, line{"line"};
    Func rank{"rank"}, before{"before"};
    RDom tiles;
};

} // namespace

HALIDE_REGISTER_GENERATOR(PatchTiles, patch_tiles)
