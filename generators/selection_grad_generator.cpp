// The gradient of a temporal mask in sparse training. A selected frame's is exact: what its branch is worth
// (scatter_frames_grad). An unselected frame's branch was not computed; its gradient is an estimate, `share` times the
// mean over the selected frames of its clip, 0 where there are none.
//
//   d_mask(sources(0, s)) = worth(s)                                          s < count
//   d_mask(f)             = share / |S| sum_{g in S} worth of g               else; S: selected frames of f's clip
#include "generators/dtype.h"
#include "generators/layout.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class SelectionGrad : public Generator<SelectionGrad> {
public:
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, dtype_names()};

    Input<Buffer<void, 1>> worth{"worth"};             // [s], the first `count` of which are read
    Input<Buffer<int32_t, 2>> sources{"sources"};      // [self next previous, s]
    Input<Buffer<int32_t, 1>> count{"count"};          // [1]
    Input<int32_t> frames_per_clip{"frames_per_clip"}; // T
    Input<double> share{"share"};
    Output<Buffer<void, 1>> d_mask{"d_mask"}; // [f]

    void configure() {
        worth.set_type(element_type(dtype));
        d_mask.set_type(element_type(dtype));
    }

    void generate() {
        const Expr frames = sources.dim(1).extent();
        Func by_frame("by_frame"), selected("selected"), clip_sum("clip_sum"), clip_count("clip_count");
        RDom s(0, frames, "s"), t(0, frames_per_clip, "t");
        s.where(s < count(0));
        const Expr frame = clamp(sources(0, s), 0, frames - 1);
        by_frame(f) = cast<double>(0);
        by_frame(frame) = cast<double>(worth(s));
        selected(f) = 0;
        selected(frame) = 1;
        clip_sum(n) = cast<double>(0);
        clip_sum(n) += by_frame(n * frames_per_clip + t);
        clip_count(n) = 0;
        clip_count(n) += selected(n * frames_per_clip + t);
        const Expr clip = f / frames_per_clip;
        const Expr estimate = share * clip_sum(clip) / cast<double>(max(clip_count(clip), 1));
        d_mask(f) = cast(element_type(dtype), select(selected(f) != 0, by_frame(f), estimate));
        work_list(sources);
        for (Func stage : {by_frame, selected, clip_sum, clip_count})
            stage.compute_root();
        worth.dim(0).set_min(0);
        count.dim(0).set_bounds(0, 1);
        d_mask.dim(0).set_bounds(0, frames);
    }

    void schedule() {}

private:
    Var f{"f"}, n{"n"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(SelectionGrad, selection_grad)
