// The map: 32 threads share the channels of four pixels, and one for each pixel and feature adds their sums. Logits: a
// thread averages a patch's window. The mask: a thread per patch.
#include "schedules/gpu.h"
#include "schedules/spatial_navigation_schedule.h"

namespace afnet::schedules {

using namespace Halide;

namespace {

constexpr int kPixels = 4, kPatches = 8;

// Patches as blocks of threads, columns first.
void schedule_patches(Stage stage, const Var &i, const Var &j, const Var &f, const Var &across, const Var &down) {
    Var io("io"), jo("jo");
    stage.split(i, io, across, kPatches, TailStrategy::GuardWithIf)
        .split(j, jo, down, kPatches, TailStrategy::GuardWithIf)
        .reorder(across, down, io, jo, f)
        .gpu_threads(across, down)
        .gpu_blocks(io, jo, f);
}

} // namespace

void schedule_gpu(SpatialNavigationGpuStages s) {
    const std::vector<Var> v = s.features.args();
    const Var k = v[0], x = v[1], y = v[2], f = v[3];
    Var block("block"), pixel("pixel"), share("share"), across("across"), down("down");
    RVar turn("turn"), inner("inner");
    const RVar channel = s.reduction[0], column = s.reduction[1], row = s.reduction[2];
    Func partial =
        s.sum.update().split(channel, turn, inner, kGpuWarp, TailStrategy::GuardWithIf).rfactor(inner, share);
    s.features.bound(k, 0, s.hidden)
        .split(x, block, pixel, kPixels, TailStrategy::GuardWithIf)
        .reorder(k, pixel, block, y, f)
        .gpu_threads(k, pixel)
        .gpu_blocks(block, y, f);
    partial.compute_at(s.features, block)
        .bound_extent(k, s.hidden)
        .bound_extent(x, kPixels)
        .reorder(k, share, x)
        .unroll(k)
        .gpu_threads(share, x);
    partial.update().reorder({k, turn, column, row, share, x}).unroll(k).gpu_threads(share, x);
    s.sum.compute_at(s.features, k);

    const std::vector<Var> patch = s.logits.args();
    s.logits.bound(patch[0], 0, 2).unroll(patch[0]);
    schedule_patches(s.logits, patch[1], patch[2], patch[3], across, down);
    const Var h = s.pooled.args()[0];
    s.pooled.compute_at(s.logits, across).bound_extent(h, s.hidden).unroll(h);
    s.pooled.update().reorder({h, s.column, s.row}).unroll(h);
    schedule_patches(s.mask, s.mask.args()[0], s.mask.args()[1], s.mask.args()[2], across, down);
}

} // namespace afnet::schedules
