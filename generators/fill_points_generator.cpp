// What the focal branch leaves on pixels that the spatial mask rejects, in place: the branch's answer to zeroes, which
// is the folded bias of its last convolution, one vector for all pixels (AFNET_SPEC §11).
//
//   output(c, x_p, y_p, F_p) = act(state(c, x_p, y_p, F_p) + response(c))   for each listed point p
#include "generators/activation.h"
#include "generators/points.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;

class FillPoints : public Generator<FillPoints> {
public:
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};

    Input<Buffer<float, 4>> state{"state"};       // [c, x, y, f]; may be the output
    Input<Buffer<float, 1>> response{"response"}; // [c]
    Input<Buffer<int32_t, 2>> list{"list"};       // [self next previous x y, p]
    Output<Buffer<float, 4>> output{"output"};    // [c, x, y, f]

    void generate() {
        point = RDom(0, list.dim(1).extent(), "point").x;
        const afnet::generators::Place at = afnet::generators::listed_place(list, point, output);
        output(c, x, y, f) = undef<float>();
        output(c, at.x, at.y, at.f) = activate(activation, state(c, at.x, at.y, at.f) + response(c));
        afnet::generators::frames_from_zero(state);
        afnet::generators::frames_from_zero(response);
        afnet::generators::frames_from_zero(output);
        afnet::generators::tile_list(list);
    }

    void schedule() {
        constexpr int kPointsPerTask = 64;
        RVar task("task"), in_task("in_task");
        Stage store = output.update();
        store.allow_race_conditions(); // the list names each pixel once
        store.split(point, task, in_task, kPointsPerTask, TailStrategy::GuardWithIf);
        schedule_cpu(afnet::schedules::ElementwiseLoops{store, c, {in_task}, {task}}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"}, f{"f"};
    RVar point;
};

} // namespace

HALIDE_REGISTER_GENERATOR(FillPoints, fill_points)
