// What schedules for GPUs share. Kernels of one source serve OpenCL and CUDA: threads along channels, which are
// contiguous, so that neighbouring threads touch neighbouring addresses; no warp is relied upon.
#pragma once

#include "Halide.h"
#include "schedules/knob.h"

namespace afnet::schedules {

/// Whether a kernel's loops become blocks and threads of a GPU.
inline bool for_gpu(const Halide::Target &target) {
    return target.has_gpu_feature();
}

/// Channels that one vector load or store moves: 16 bytes of floats.
constexpr int kGpuVector = 4;

/// Threads that run in step on the GPUs of today; a block's threads along channels are as many, where there are enough.
constexpr int kGpuWarp = 32;

/// Threads of a block, where knob `threads` does not say otherwise.
constexpr int kGpuBlockThreads = 128;

/// Says that rows and frames of an activation of `channels` channels, [.., x, y, f], begin at whole vectors, where its
/// pixels do: vector loads and stores ask for it. Only in kernels for GPUs: it is checked when they are called.
template <class Buffer> void align_rows(Buffer &buffer, int channels) {
    if (channels % kGpuVector != 0) return;
    for (int d = buffer.dimensions() - 2; d < buffer.dimensions(); d++)
        buffer.dim(d).set_stride(buffer.dim(d).stride() / kGpuVector * kGpuVector);
}

/// Output channels per block of threads: 32, or 16 where blocks of 32 would compute more than a quarter more channels,
/// which nobody reads.
inline int block_channels(const Knob &co_block, int channels) {
    const auto computed = [&](int block) { return (channels + block - 1) / block * block; };
    return co_block.resolve(computed(32) * 4 > computed(16) * 5 ? 16 : 32);
}

} // namespace afnet::schedules
