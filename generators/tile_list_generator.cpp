// Spatial mask to lists (AFNET_SPEC §11). A mask says of each patch of a gx by gy grid whether it is computed. A pixel
// belongs to the patch that nearest upsampling gives it. Tiles are squares of `side` pixels, those at the right and
// lower edge cut off; a tile is selected if any of its pixels is. With side 1 tiles are pixels, and the list is one of
// points.
//
//   patch(x)  = floor(x gx / width)
//   hit(t)    = any pixel (x, y) of tile t: mask(patch(x), patch(y), frame) != 0
//   list      = a stable partition of the tiles of the `frame_count` first frames in `sources`, selected ones first, in
//               the order of frames, rows and columns: what a tile's frame reads, and the tile's first pixel
//   slots     = 1 + the place of a selected tile in the list; 0 for other tiles of these frames
//   count     = selected tiles, all tiles of these frames
//
// Frames that are not listed leave their slots as they are.
#include "generators/points.h"
#include "schedules/knob.h"
#include "schedules/tile_list_schedule.h"

namespace {

using namespace Halide;

class TileList : public Generator<TileList> {
public:
    GeneratorParam<int> side{"side", 1};

    Input<Buffer<int32_t, 3>> mask{"mask"};               // [gx, gy, f]
    Input<Buffer<int32_t, 2>> sources{"sources"};         // [self next previous, s]
    Input<Buffer<int32_t, 1>> frame_count{"frame_count"}; // [1]: how many of them are listed
    Input<int32_t> width{"width"}, height{"height"};      // pixels
    Output<Buffer<int32_t, 2>> list{"list"};              // [self next previous x y, n]
    Output<Buffer<int32_t, 3>> slots{"slots"};            // [tile column, tile row, f]
    Output<Buffer<int32_t, 1>> count{"count"};            // [selected all]

    void generate() {
        afnet::schedules::require(side >= 1, "tile_list: side must be positive");
        const Expr columns = (width + side - 1) / side, rows = (height + side - 1) / side;
        const Expr frames = sources.dim(1).extent(), listed_frames = clamp(frame_count(0), 0, frames);

        RDom across(0, columns, "across");
        rank(x, y, s) = 0;
        rank(across + 1, y, s) = rank(across, y, s) + select(hit(across, y, s), 1, 0);
        RDom lines(0, rows * frames, "lines");
        before(line) = 0;
        before(lines + 1) =
            before(lines) + select(lines / rows < listed_frames, rank(columns, lines % rows, lines / rows), 0);

        const auto place = [&](const RDom &t) {
            const Expr rank_of = before(t.z * rows + t.y) + rank(t.x, t.y, t.z);
            const Expr index = (t.z * rows + t.y) * columns + t.x;
            return select(hit(t.x, t.y, t.z), rank_of, before(rows * frames) + index - rank_of);
        };
        const auto all_tiles = [&](const char *name) {
            RDom t({{0, columns}, {0, rows}, {0, frames}}, name);
            t.where(t.z < listed_frames);
            return t;
        };
        listed = all_tiles("listed");
        list(entry, n) = undef<int32_t>();
        list(entry, clamp(place(listed), 0, list.dim(1).extent() - 1)) =
            mux(entry,
                {sources(0, listed.z), sources(1, listed.z), sources(2, listed.z), listed.x * side, listed.y * side});
        looked_up = all_tiles("looked_up");
        slots(x, y, s) = undef<int32_t>();
        slots(looked_up.x, looked_up.y, clamp(sources(0, looked_up.z), 0, slots.dim(2).extent() - 1)) =
            select(hit(looked_up.x, looked_up.y, looked_up.z), place(looked_up) + 1, 0);
        count(n) = select(n == 0, before(rows * frames), listed_frames * rows * columns);
        constrain();
    }

    void schedule() {
        Func tiles = list, map = slots;
        tiles.update().allow_race_conditions(); // a partition: each place once
        map.update().allow_race_conditions();   // the list names each frame once
        schedule_cpu(
            afnet::schedules::TileListStages{rank, before, tiles.update(), map.update(), entry, listed, looked_up},
            target);
    }

private:
    Expr hit(const Expr &column, const Expr &row, const Expr &at) {
        const Expr frame = afnet::generators::source_frame(sources, 0, at, mask);
        const auto patch = [&](const Expr &pixel, const Expr &pixels, int dimension) {
            const Expr patches = mask.dim(dimension).extent();
            return clamp(min(pixel, pixels - 1) * patches / pixels, 0, patches - 1);
        };
        Expr any = cast<bool>(false);
        for (int j = 0; j < side; j++) {
            for (int i = 0; i < side; i++)
                any = any || mask(patch(column * side + i, width, 0), patch(row * side + j, height, 1), frame) != 0;
        }
        return any;
    }

    void constrain() {
        afnet::generators::work_list(sources);
        afnet::generators::frames_from_zero(mask);
        afnet::generators::frames_from_zero(slots);
        afnet::generators::tile_list(list);
        frame_count.dim(0).set_bounds(0, 1);
        count.dim(0).set_bounds(0, 2);
    }

    Var x{"x"}, y{"y"}, s{"s"}, n{"n"}, entry{"entry"}, line{"line"};
    Func rank{"rank"}, before{"before"};
    RDom listed, looked_up;
};

} // namespace

HALIDE_REGISTER_GENERATOR(TileList, tile_list)
