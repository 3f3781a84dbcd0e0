// What patches are owed behind a focal block, given what they were owed before it and what it has computed
// (generators/owed_responses.h, docs/spatial.md).
//
//   output(px, py, k, f) = 0          where the block has computed the patch, or the temporal mask rejects the frame
//                          response   where that part of it was read, or was owed nothing
//                          before     else
//
// `response` is the block's number in its module, counted from 1; 0 where it leaves nothing on rejected pixels.
#include "generators/owed_responses.h"
#include "schedules/gpu.h"
#include "schedules/patch_schedule.h"

namespace {

using namespace Halide;

class OwePatches : public Generator<OwePatches> {
public:
    GeneratorParam<bool> shift{"shift", false};

    Input<Buffer<int32_t, 4>> before{"before"};   // [gx, gy, part, f]
    Input<Buffer<int32_t, 3>> patches{"patches"}; // [gx, gy, f]
    Input<Buffer<int32_t, 1>> frames{"frames"};   // [f]
    Input<Buffer<int32_t, 1>> whole{"whole"};     // [1]
    Input<int32_t> response{"response"};
    Input<int32_t> frames_per_clip{"frames_per_clip"};
    Output<Buffer<int32_t, 4>> output{"output"}; // [gx, gy, part, f]

    void generate() {
        const auto block = afnet::generators::patch_decision(patches, frames, whole, frames_per_clip);
        const Expr settled = block.read(px, py, part, f, shift) || before(px, py, part, f) == 0;
        output(px, py, part, f) =
            select(!block.selected(f) || block.computed(px, py, f), 0, settled, response, before(px, py, part, f));
        afnet::generators::frames_from_zero(before);
        afnet::generators::frames_from_zero(output);
        output.dim(2).set_bounds(0, afnet::generators::owed_parts(shift));
    }

    void schedule() { // on CPUs a plain loop: a few thousand integers, once
        if (afnet::schedules::for_gpu(get_target())) afnet::schedules::schedule_gpu_patch_table(output);
    }

private:
    Var px{"px"}, py{"py"}, part{"part"}, f{"f"};
};

} // namespace

HALIDE_REGISTER_GENERATOR(OwePatches, owe_patches)
