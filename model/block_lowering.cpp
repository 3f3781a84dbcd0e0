#include "model/block_lowering.h"

#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// Passes over a network, of which it keeps track of channels alone, and hands one focal block to a PlanBuilder.
class BlockBuilder : public NetworkBuilder {
public:
    BlockBuilder(bool shift, const RunShape &shape, std::string block)
        : NetworkBuilder(shift, shape), block_(std::move(block)), inner_(shift, shape) {}

    const std::vector<std::string> &seen() const { return seen_; }
    bool found() const { return out_.tensor != kNoTensor; }
    LoweredBlock take();

    Feature input(int) override { return passed(3); }
    Feature stem(const std::string &, const std::string &, const Feature &, int channels) override {
        return passed(channels);
    }
    Feature conv(const Feature &in, const ConvLayer &layer) override;
    Feature depthwise(const Feature &in, const ConvLayer &) override { return in; }
    Feature avg_pool(const std::string &, const Feature &in) override { return in; }
    TensorId spatial_mean(const std::string &, const Feature &, const Feature *, const Selection *) override {
        return kNoTensor;
    }
    TensorId linear(const std::string &, TensorId, int, bool, const std::string &, const Selection *) override {
        return kNoTensor;
    }
    Feature scale_channels(const std::string &, const Feature &in, TensorId, const std::string &,
                           const Selection *) override {
        return in;
    }
    Selection navigate(const std::string &keys, const std::string &block, const Feature &ample) override;
    Feature focal(FocalBlock &block, const Feature &in, const Feature &state, const FocalBranch &branch) override;
    Feature weighted(const std::string &, const Feature &in, const Selection &) override { return in; }
    Feature fuse(const std::string &, const Feature &, const Feature &focal, TensorId, const std::string &) override {
        return focal;
    }
    Feature add_branches(const std::string &, const Feature &, const Feature &focal, const std::string &) override {
        return focal;
    }
    void head_consensus(TensorId, int) override {}
    void tap(const std::string &, TensorId) override {}

private:
    static Feature passed(int channels) { return {kNoTensor, channels, 1, 1}; }
    const Feature &stream(int channels);

    std::string block_;
    PlanBuilder inner_;
    Feature in_, projected_, out_;
    Selection selection_;
    std::vector<std::string> seen_;
};

// What the block reads. A later layer of a network that shifts reads every stream through TSM.
const Feature &BlockBuilder::stream(int channels) {
    if (in_.tensor == kNoTensor) {
        in_ = inner_.feature(block_ + ".input", channels, shape().width, shape().height, 0, true);
    }
    return in_;
}

Feature BlockBuilder::conv(const Feature &in, const ConvLayer &layer) {
    if (layer.projects && layer.projects->key == block_) projected_ = inner_.conv(stream(in.channels), layer);
    return passed(layer.out);
}

Selection BlockBuilder::navigate(const std::string &, const std::string &block, const Feature &) {
    if (block != block_) return {};
    selection_ = inner_.forced_selection(block);
    return selection_;
}

Feature BlockBuilder::focal(FocalBlock &block, const Feature &in, const Feature &state, const FocalBranch &branch) {
    seen_.push_back(block.key);
    if (block.key == block_) {
        const Feature &read = stream(in.channels);
        out_ = inner_.focal(block, read, projected_.tensor != kNoTensor ? projected_ : read, branch);
    }
    return state;
}

LoweredBlock BlockBuilder::take() {
    LoweredBlock lowered{std::move(inner_.network()), in_.tensor, out_.tensor, selection_.forced};
    std::vector<TensorInfo> &tensors = lowered.network.plan.tensors;
    // Nobody reads a new stream through TSM here.
    if (lowered.output != lowered.input) tensors[size_t(lowered.output)].zero_frame = false;
    for (TensorId id : {lowered.input, lowered.output}) {
        TensorInfo &tensor = tensors[size_t(id)];
        tensor.storage = tensor.border > 0 || tensor.zero_frame ? Storage::Input : Storage::Lent;
    }
    return lowered;
}

void check(const ModelDescription &description, const RunShape &shape) {
    const auto in_range = [&](int value, int most, const char *what) {
        if (value >= 1 && value <= most) return;
        throw Error(description.name + ": " + what + " of " + std::to_string(value) + "; 1 to " + std::to_string(most) +
                    " expected");
    };
    in_range(shape.width, 4096, "width");
    in_range(shape.height, 4096, "height");
    in_range(shape.frames, 256, "a number of frames");
    in_range(shape.clips, 1024, "a number of clips");
    if (description.spatial()) {
        throw Error(description.name + ": its focal blocks have masks in space; only blocks whose masks choose whole "
                                       "frames run by themselves");
    }
}

} // namespace

LoweredBlock lower_block(const ModelDescription &description, const std::string &block, RunShape shape) {
    check(description, shape);
    shape.forced_masks = true;
    shape.taps = true;
    BlockBuilder builder(description.shift, shape, block);
    lower_with(builder, description);
    if (builder.found()) return builder.take();
    throw Error(description.name + ": no focal block " + printable(block) + "; it has " +
                (builder.seen().empty() ? "none" : join(builder.seen())));
}

std::vector<std::string> focal_blocks(const ModelDescription &description) {
    BlockBuilder builder(description.shift, {}, "");
    lower_with(builder, description);
    return builder.seen();
}

} // namespace afnet
