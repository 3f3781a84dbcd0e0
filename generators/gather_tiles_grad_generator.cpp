// The gradient of gather_tiles: each listed tile's goes to where its channels came from.
//
//   d_input(c, X, Y, sources(k, n)) += d_output(c, x, y, n)        k, X, Y as there; what came from beyond an end goes
//   nowhere
//
// With `accumulate` onto what d_input holds, else onto zeroes.
#include "generators/dtype.h"
#include "generators/tiles.h"
#include "schedules/elementwise_schedule.h"
#include "schedules/tiles_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class GatherTilesGrad : public Generator<GatherTilesGrad> {
public:
    GeneratorParam<bool> shift{"shift", true};
    GeneratorParam<bool> accumulate{"accumulate", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> d_output{"d_output"};  // [c, x, y, n]
    Input<Buffer<int32_t, 2>> sources{"sources"}; // [self next previous, n]
    Input<Buffer<int32_t, 2>> places{"places"};   // [column row, n]
    Output<Buffer<void, 4>> d_input{"d_input"};   // [c, x, y, f]; with `accumulate` updated

    void configure() {
        d_output.set_type(element_type(dtype));
        d_input.set_type(element_type(dtype));
    }

    void generate() {
        const Type type = element_type(dtype);
        d_input(c, x, y, f) = accumulate ? undef(type) : Internal::make_const(type, 0);
        const Expr channels = d_output.dim(0).extent(), fold = channels / 8;
        if (shift) {
            add(0, fold, 1);
            add(fold, fold, 2);
            add(2 * fold, channels - 2 * fold, 0);
        } else {
            add(0, channels, 0);
        }
        frames_from_zero(d_output);
        frames_from_zero(d_input);
        work_list(sources);
        tile_places(places);
    }

    void schedule() {
        if (!accumulate) schedule_cpu(afnet::schedules::ElementwiseLoops{Func(d_input), c, {x}, {y, f}}, target);
        for (size_t i = 0; i < terms.size(); i++) {
            const RDom &r = terms[i];
            Stage update = d_input.update(int(i));
            update.allow_race_conditions(); // a list names each tile once
            schedule_cpu(afnet::schedules::TileLoops{update, r[0], r[1], r[2], r[3], d_output.dim(1).extent()}, target);
        }
    }

private:
    void add(const Expr &begin, const Expr &count, int kind) {
        const Expr side = d_output.dim(1).extent(), tiles = sources.dim(1).extent();
        RDom r({{begin, count}, {0, side}, {0, side}, {0, tiles}}, "listed");
        // The condition hides from Halide that a task of some tiles ends where the list does.
        const Expr n = clamp(r[3], 0, tiles - 1);
        r.where(sources(kind, n) < d_input.dim(3).extent());
        d_input(r[0], tile_pixel(places, n, 1, r[1], side, d_input), tile_pixel(places, n, 2, r[2], side, d_input),
                source_frame(sources, kind, n, d_input)) += d_output(r[0], r[1], r[2], n);
        terms.push_back(r);
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    std::vector<RDom> terms;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GatherTilesGrad, gather_tiles_grad)
