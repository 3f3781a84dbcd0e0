// How a focal block with a spatial mask is computed (docs/spatial.md): by lists of its selected pixels, or whole where
// these are so many that lists cost more than they save.
//
//   selected    = pixels of the selected patches in the `frame_count` first frames of `sources`
//   dense       = selected > break_even * all pixels of these frames
//   listed(0)   = dense ? 0 : frame_count
//   whole(0)    = dense ? frame_count : 0
//
// A pixel x belongs to patch floor(x gx / width), so patch i has the pixels from ceil(i width / gx) on.
#include "generators/layout.h"
#include "schedules/work_list_schedule.h"

namespace {

using namespace Halide;

class PatchChoice : public Generator<PatchChoice> {
public:
    Input<Buffer<int32_t, 3>> mask{"mask"};               // [gx, gy, f]
    Input<Buffer<int32_t, 2>> sources{"sources"};         // [self next previous, s]
    Input<Buffer<int32_t, 1>> frame_count{"frame_count"}; // [1]: how many of them are listed
    Input<int32_t> width{"width"}, height{"height"};      // pixels
    Input<float> break_even{"break_even"};                // density above which the block is computed whole
    Output<Buffer<int32_t, 1>> listed{"listed"};          // [1]
    Output<Buffer<int32_t, 1>> whole{"whole"};            // [1]

    void generate() {
        const Expr across = mask.dim(0).extent(), down = mask.dim(1).extent();
        const Expr frames = clamp(frame_count(0), 0, sources.dim(1).extent());
        RDom r(0, across, 0, down, 0, sources.dim(1).extent(), "r");
        r.where(r.z < frames);
        const auto first = [](const Expr &i, const Expr &pixels, const Expr &patches) {
            return (i * pixels + patches - 1) / patches;
        };
        const auto side = [&](const Expr &i, const Expr &pixels, const Expr &patches) {
            return first(i + 1, pixels, patches) - first(i, pixels, patches);
        };
        const Expr frame = afnet::generators::source_frame(sources, 0, r.z, mask);
        selected(i) = 0;
        selected(i) += select(mask(r.x, r.y, frame) != 0, side(r.x, width, across) * side(r.y, height, down), 0);
        const Expr dense = cast<float>(selected(0)) > break_even * cast<float>(width * height * frames);
        listed(i) = select(dense, 0, frames);
        whole(i) = select(dense, frames, 0);

        afnet::generators::work_list(sources);
        afnet::generators::frames_from_zero(mask);
        for (auto *count : {&listed, &whole})
            count->dim(0).set_bounds(0, 1);
        frame_count.dim(0).set_bounds(0, 1);
    }

    void schedule() { schedule_cpu(afnet::schedules::WorkListStages{selected}, target); }

private:
    Var i{"i"};
    Func selected{"selected"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(PatchChoice, patch_choice)
