// What a focal block's branch adds to the stream where its last convolution is a 3x3 one (AFNET_SPEC §11): at the
// pixels of a list, which names each point p's frame F_p, column x_p and row y_p, and nowhere else.
//
//   output(c, x_p, y_p, F_p) = act(state(c, x_p, y_p, F_p) + branch(c, p))
#include "generators/activation.h"
#include "generators/points.h"
#include "schedules/tiles_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class ScatterPoints : public Generator<ScatterPoints> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, activation_names()};

    Input<Buffer<float, 4>> state{"state"};    // [c, x, y, f], may be the output
    Input<Buffer<float, 4>> branch{"branch"};  // [c, 1, 1, p]
    Input<Buffer<int32_t, 2>> list{"list"};    // [self next previous x y, p]
    Output<Buffer<float, 4>> output{"output"}; // [c, x, y, f]

    void generate() {
        listed = RDom(0, 1, 0, 1, 0, list.dim(1).extent(), "listed");
        const Place to = listed_place(list, listed.z, output);
        output(c, x, y, f) = undef<float>();
        output(c, to.x, to.y, to.f) =
            activate(activation, state(c, to.x, to.y, to.f) + branch(c, listed.x, listed.y, listed.z));
        frames_from_zero(state);
        frames_from_zero(branch);
        frames_from_zero(output);
        tile_list(list);
    }

    void schedule() {
        Stage store = output.update();
        store.allow_race_conditions(); // the list names each pixel once
        schedule_cpu(afnet::schedules::TileLoops{store, c, RVar(listed.x), RVar(listed.y), RVar(listed.z), 1}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    RDom listed;
};

} // namespace

HALIDE_REGISTER_GENERATOR(ScatterPoints, scatter_points)
