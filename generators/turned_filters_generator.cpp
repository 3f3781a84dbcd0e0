// The filters with which a convolution of stride 1 is the gradient of another one to its input: turned by half a turn,
// with inputs and outputs exchanged within each group.
//
//   turned(g ci + i, c, u, v) = weights(g co + c, i, k - 1 - u, k - 1 - v)        ci, co: channels of a group
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/elementwise_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class TurnedFilters : public Generator<TurnedFilters> {
public:
    GeneratorParam<int> groups{"groups", 1};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 4>> weights{"weights"}; // [co, ci/g, u, v]
    Output<Buffer<void, 4>> turned{"turned"};  // [ci, co/g, u, v]

    void configure() {
        weights.set_type(element_type(dtype));
        turned.set_type(element_type(dtype));
    }

    void generate() {
        const Expr inputs = weights.dim(1).extent(), outputs = turned.dim(1).extent();
        const Expr group = i / inputs;
        const auto opposite = [&](const Expr &tap, int dimension) { return weights.dim(dimension).extent() - 1 - tap; };
        turned(i, c, u, v) = weights(clamp(group * outputs + c, 0, weights.dim(0).extent() - 1),
                                     clamp(i - group * inputs, 0, inputs - 1), opposite(u, 2), opposite(v, 3));
        frames_from_zero(weights);
        frames_from_zero(turned);
        turned.dim(0).set_extent(inputs * int(groups));
        for (int d : {2, 3})
            turned.dim(d).set_extent(weights.dim(d).extent());
    }

    void schedule() { schedule_cpu(afnet::schedules::ElementwiseLoops{Func(turned), i, {u, v}, {c}}, target); }

private:
    Var i{"i"}, c{"c"}, u{"u"}, v{"v"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(TurnedFilters, turned_filters)
