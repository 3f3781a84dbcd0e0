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
//
// On GPUs the list has the selected tiles alone, and the kernel one more output, which its own threads read:
//
//   line_starts(y, s) = selected tiles of the s-th listed frame in the rows before y, which may be the number of rows;
//                       0 for frames that are not listed
#include "generators/counted_frames.h"
#include "generators/points.h"
#include "schedules/gpu.h"
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

    void configure() {
        if (afnet::schedules::for_gpu(get_target())) line_starts = add_output<Buffer<int32_t, 2>>("line_starts");
    }

    void generate() {
        afnet::schedules::require(side >= 1, "tile_list: side must be positive");
        columns = (width + side - 1) / side;
        rows = (height + side - 1) / side;
        frames = sources.dim(1).extent();
        listed_frames = clamp(frame_count(0), 0, frames);
        line_starts ? count_in_threads() : scan_lines();

        listed = all_tiles("listed");
        if (line_starts) listed.where(hit(listed.x, listed.y, listed.z));
        list(entry, n) = undef<int32_t>();
        list(entry, clamp(place(listed, listing), 0, list.dim(1).extent() - 1)) =
            mux(entry,
                {sources(0, listed.z), sources(1, listed.z), sources(2, listed.z), listed.x * side, listed.y * side});
        looked_up = all_tiles("looked_up");
        slots(x, y, s) = undef<int32_t>();
        slots(looked_up.x, looked_up.y, clamp(sources(0, looked_up.z), 0, slots.dim(2).extent() - 1)) =
            select(hit(looked_up.x, looked_up.y, looked_up.z), place(looked_up, looking_up) + 1, 0);
        count(n) = select(n == 0, line_starts ? total() : before(rows * frames), listed_frames * rows * columns);
        constrain();
    }

    void schedule() {
        Func tiles = list, map = slots;
        tiles.update().allow_race_conditions(); // a partition: each place once
        map.update().allow_race_conditions();   // the list names each frame once
        if (line_starts) {
            listing.output = tiles;
            listing.tiles = listed;
            looking_up.output = map;
            looking_up.tiles = looked_up;
            schedule_gpu(afnet::schedules::TileListGpuStages{in_line, in_lines, *line_starts, listing, looking_up,
                                                             entry, total, count});
            return;
        }
        schedule_cpu(
            afnet::schedules::TileListStages{rank, before, tiles.update(), map.update(), entry, listed, looked_up},
            target);
    }

private:
    using GpuPass = afnet::schedules::TileListGpuStages::Pass;

    void scan_lines() {
        RDom across(0, columns, "across");
        rank(x, y, s) = 0;
        rank(across + 1, y, s) = rank(across, y, s) + select(hit(across, y, s), 1, 0);
        RDom lines(0, rows * frames, "lines");
        before(line) = 0;
        before(lines + 1) =
            before(lines) + select(lines / rows < listed_frames, rank(columns, lines % rows, lines / rows), 0);
    }

    // No scans: the lines of a frame are added up in a block of threads, and every tile's thread adds the frames before
    // its own and the tiles before it in its line.
    void count_in_threads() {
        const RDom across(0, columns, "across"), other(0, rows, "other"), each(0, frames, "each");
        in_line(y, s) = 0;
        in_line(y, s) += select(hit(across, y, s), 1, 0);
        in_lines(y, s) = 0;
        in_lines(y, s) += select(other < y, in_line(other, s), 0);
        (*line_starts)(y, s) = select(s < listed_frames, in_lines(y, s), 0);
        const Func starts = *line_starts;
        for (GpuPass *pass : {&listing, &looking_up}) {
            pass->in_frames(s) = 0;
            pass->in_frames(s) += select(each < s, starts(rows, each), 0);
            pass->in_row(x, y, s) = 0;
            pass->in_row(x, y, s) += select(across < x && hit(across, y, s), 1, 0);
        }
        total() = 0;
        total() += starts(rows, each);
        line_starts->dim(0).set_min(0);
        line_starts->dim(1).set_min(0);
    }

    RDom all_tiles(const char *name) {
        RDom t({{0, columns}, {0, rows}, {0, frames}}, name);
        t.where(line_starts ? afnet::generators::is_listed(t.z, frame_count) : t.z < listed_frames);
        return t;
    }

    // Where the list has the tile.
    Expr place(const RDom &t, const GpuPass &pass) {
        if (line_starts) {
            const Func starts = *line_starts;
            return pass.in_frames(t.z) + starts(t.y, t.z) + pass.in_row(t.x, t.y, t.z);
        }
        const Expr rank_of = before(t.z * rows + t.y) + rank(t.x, t.y, t.z);
        const Expr index = (t.z * rows + t.y) * columns + t.x;
        return select(hit(t.x, t.y, t.z), rank_of, before(rows * frames) + index - rank_of);
    }

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
    Expr columns, rows, frames, listed_frames;
    Func rank{"rank"}, before{"before"};
    Func in_line{"in_line"}, in_lines{"in_lines"}, total{"total"};
    GpuPass listing, looking_up;
    GeneratorOutput<Buffer<int32_t, 2>> *line_starts = nullptr; // [row, s], on GPUs
    RDom listed, looked_up;
};

} // namespace

HALIDE_REGISTER_GENERATOR(TileList, tile_list)
