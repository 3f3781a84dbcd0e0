#include "model/isolated_block.h"

#include <algorithm>
#include <cstdint>

#include "model/network_constants.h"
#include "runtime/error.h"

namespace afnet {

namespace {

int channels_of(const LoweredBlock &block, TensorId id) {
    return block.network.plan.tensors[size_t(id)].extents[0];
}

bool lent(const LoweredBlock &block, TensorId id) {
    return block.network.plan.tensors[size_t(id)].storage == Storage::Lent;
}

bool overlap(const float *input, int in_channels, const float *output, int out_channels, size_t pixels) {
    const auto from = reinterpret_cast<uintptr_t>(input), to = reinterpret_cast<uintptr_t>(output);
    return from < to + pixels * size_t(out_channels) * sizeof(float) &&
           to < from + pixels * size_t(in_channels) * sizeof(float);
}

} // namespace

IsolatedBlock::IsolatedBlock(LoadedModel model, const std::string &block, Unselected unselected, KernelStore &kernels)
    : model_(std::move(model)), block_(block), unselected_(unselected), kernels_(kernels) {
    const LoweredBlock smallest = lower({1, 1, 1, 1});
    in_channels_ = channels_of(smallest, smallest.input);
    out_channels_ = channels_of(smallest, smallest.output);
}

LoweredBlock IsolatedBlock::lower(const BlockShape &shape) const {
    RunShape run;
    run.width = shape.width;
    run.height = shape.height;
    run.frames = shape.frames;
    run.clips = shape.clips;
    run.unselected = unselected_;
    return lower_block(model_.description, block_, run);
}

IsolatedBlock::Ready &IsolatedBlock::ready(const BlockShape &shape) {
    const auto found =
        std::find_if(ready_.begin(), ready_.end(), [&](const auto &kept) { return kept->shape == shape; });
    if (found != ready_.end()) {
        ready_.splice(ready_.begin(), ready_, found);
        return *ready_.front();
    }
    const std::string &model = model_.description.name;
    auto made = std::make_unique<Ready>(shape, lower(shape), kernels_, model);
    pack_constants(made->lowered.network, made->executor, model_.weights);
    compute_zero_responses(made->lowered.network, made->executor, kernels_, model, model_.weights);
    ready_.push_front(std::move(made));
    if (ready_.size() > kKept) ready_.pop_back();
    return *ready_.front();
}

void IsolatedBlock::run(const BlockShape &shape, const float *input, const unsigned char *selected, float *output) {
    const size_t frames = size_t(shape.frames) * size_t(shape.clips);
    Ready &ready = this->ready(shape);
    const LoweredBlock &block = ready.lowered;
    const bool in_place = block.input == block.output, same = input == output && in_channels_ == out_channels_;
    if (!same &&
        overlap(input, in_channels_, output, out_channels_, frames * size_t(shape.width) * size_t(shape.height))) {
        throw Error(block_ + ": its output's memory overlaps its input's; give it memory of its own");
    }
    if (same && !in_place && lent(block, block.output)) {
        throw Error(block_ + ": its projection reads the input while it writes the output; give it memory of its own");
    }
    Executor &executor = ready.executor;
    int *mask = static_cast<int *>(executor.memory(block.mask).data);
    for (size_t f = 0; f < frames; f++)
        mask[f] = !selected || selected[f] != 0;
    if (lent(block, block.output)) executor.lend(block.output, output);
    if (lent(block, block.input) && !in_place) {
        executor.lend(block.input, const_cast<float *>(input)); // which its steps only read
    } else if (!same || !lent(block, block.input)) {
        executor.bring(block.input, input);
    }
    executor.run();
    if (!lent(block, block.output)) executor.fetch(block.output, output);
}

} // namespace afnet
