// Convolution at listed points on GPUs: the loops of a dense one (conv2d_gpu.cpp). Where a point's neighbours are is
// looked up once for each tap of the kernel, before the loop over channels.
#include "schedules/conv2d_points_schedule.h"
#include "schedules/gpu.h"

namespace afnet::schedules {

using namespace Halide;

int conv2d_points_gpu_co_block(const Conv2dPointsKnobs &knobs, int channels) {
    return knobs.co_block.resolve(channels % 64 == 0 ? 64 : channels % 32 == 0 || channels > 64 ? 32 : 16);
}

Conv2dGpuTile conv2d_points_gpu_tile(const Conv2dPointsKnobs &knobs, int reduction_channels, int co_block) {
    require(co_block % kGpuVector == 0, "conv2d_points: on GPUs, blocks of output channels are multiples of 4");
    const int points = knobs.tile_x.resolve(reduction_channels >= 256 ? 4 : 8);
    return {points, std::max(1, knobs.threads.resolve(kGpuBlockThreads) / (co_block / kGpuVector))};
}

void schedule_gpu(const Conv2dPointsGpuStages &s, int co_block) {
    schedule_gpu(s.convolution, co_block);
    if (!s.neighbour.defined()) return;
    Func neighbour = s.neighbour, sum = s.convolution.sum;
    const Var q = neighbour.args().back();
    neighbour.compute_at(sum, s.convolution.r.z).bound_extent(q, s.convolution.tile.pixels).unroll(q);
}

} // namespace afnet::schedules
