// What a focal block's first convolution reads at listed pixels where it is a 3x3 one (AFNET_SPEC §11): the pixels of a
// list, which names each point p's frame, column x_p and row y_p, one behind the other in a compact tensor.
//
//   output(c, p) = input(c, x_p, y_p, frame(k, p))
//
// k = 0, the point's own frame; with `shift` (TSM, §2.9) the next one for the first eighth of the channels and the
// previous one for the second. Frames beyond a clip's ends are the input's last, which is zero.
#include "generators/points.h"
#include "schedules/tiles_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class GatherPoints : public Generator<GatherPoints> {
public:
    GeneratorParam<bool> shift{"shift", false};

    Input<Buffer<float, 4>> input{"input"};    // [c, x, y, f]
    Input<Buffer<int32_t, 2>> list{"list"};    // [self next previous x y, p]
    Output<Buffer<float, 4>> output{"output"}; // [c, 1, 1, p]

    void generate() {
        output(c, x, y, p) = undef<float>();
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
        tile_list(list);
    }

    void schedule() {
        for (size_t i = 0; i < groups.size(); i++) {
            const RDom &group = groups[i];
            Stage store = output.update(int(i));
            store.allow_race_conditions(); // a pixel of the output for each of the list
            schedule_cpu(
                afnet::schedules::TileLoops{store, RVar(group.x), RVar(group.y), RVar(group.z), RVar(group.w), Expr(1)},
                target);
        }
    }

private:
    void copy(const Expr &begin, const Expr &count, int kind) {
        const RDom group(begin, count, 0, 1, 0, 1, 0, list.dim(1).extent(), "group");
        const Place place = listed_place(list, group.w, input);
        const Expr frame = kind == 0 ? place.f : source_frame(list, kind, group.w, input);
        output(group.x, group.y, group.z, group.w) = input(group.x, place.x, place.y, frame);
        groups.push_back(group);
    }

    Var c{"c"}, x{"x"}, y{"y"}, p{"p"};
    std::vector<RDom> groups;
};

} // namespace

HALIDE_REGISTER_GENERATOR(GatherPoints, gather_points)
