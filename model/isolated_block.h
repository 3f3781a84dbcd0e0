// One focal block of a network by itself, on memory of the caller's: what the C interface (model/interface/) runs.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "model/block_lowering.h"
#include "model/weights_file.h"
#include "runtime/executor.h"

namespace afnet {

/// Of a block's input, and so of its output: columns, rows, frames of a clip, clips.
struct BlockShape {
    int width = 0, height = 0, frames = 0, clips = 1;
    bool operator==(const BlockShape &other) const {
        return width == other.width && height == other.height && frames == other.frames && clips == other.clips;
    }
};

class IsolatedBlock {
public:
    /// `kernels` must outlive it. Throws as lower_block().
    IsolatedBlock(LoadedModel model, const std::string &block, Unselected unselected, KernelStore &kernels);

    int in_channels() const { return in_channels_; }
    int out_channels() const { return out_channels_; }

    /// Runs the block on `input` [c, x, y, f] and leaves `output` [c, x, y, f]: floats, dense, in this process's
    /// memory, or the device's where the kernels are a GPU's. Both may be the same memory where both have as many
    /// channels; otherwise they must not overlap. `selected` [f], of this process's memory: 0 where a frame is not
    /// computed; nullptr: all are. The first run of a shape packs weights and takes memory, which the last kKept shapes
    /// keep. Throws Error as lower_block() and Executor; one thread at a time.
    void run(const BlockShape &shape, const float *input, const unsigned char *selected, float *output);

    static constexpr size_t kKept = 8;

private:
    struct Ready {
        BlockShape shape;
        LoweredBlock lowered;
        Executor executor;
        Ready(const BlockShape &of, LoweredBlock block, KernelStore &kernels, const std::string &model)
            : shape(of), lowered(std::move(block)), executor(lowered.network.plan, kernels, model) {}
    };
    LoweredBlock lower(const BlockShape &shape) const;
    Ready &ready(const BlockShape &shape);

    LoadedModel model_;
    std::string block_;
    Unselected unselected_;
    KernelStore &kernels_;
    int in_channels_ = 0, out_channels_ = 0;
    std::list<std::unique_ptr<Ready>> ready_; // the last used first
};

} // namespace afnet
