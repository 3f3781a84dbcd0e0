#include "model/masked_network.h"

#include <algorithm>
#include <chrono>

#include "model/random_use.h"

namespace afnet {

namespace {

// The noise of one focal block, [2, f]; frames of clips that the batch lacks get that of an even choice.
std::vector<float> block_noise(const RunShape &shape, size_t block, const std::vector<MaskKey> &keys) {
    std::vector<float> uniform(2 * size_t(shape.flat_frames()), 0.5f);
    for (size_t clip = 0; clip < keys.size(); ++clip) {
        RandomStream stream;
        stream.purpose = kEvaluationNoise;
        stream.epoch = keys[clip].epoch;
        stream.sample = keys[clip].sample;
        stream.layer = uint32_t(block);
        CounterRandom random(keys[clip].seed, stream);
        for (size_t i = 0; i < 2 * size_t(shape.frames); ++i)
            uniform[2 * size_t(shape.frames) * clip + i] = float(random.uniform());
    }
    return uniform;
}

template <class Element>
std::vector<std::vector<Element>> clip_part(const std::vector<std::vector<Element>> &all, size_t clip, size_t frames) {
    std::vector<std::vector<Element>> part;
    for (const auto &of_block : all) {
        const auto begin = of_block.begin() + long(clip * frames);
        part.emplace_back(begin, begin + long(frames));
    }
    return part;
}

} // namespace

MaskedNetwork::MaskedNetwork(const LoadedModel &model, KernelStore &kernels, const RunShape &shape)
    : model_(model), kernels_(kernels), shape_(shape) {
    check_frames(model, shape.frames);
    for (const Selection &selection : network(false).lowered().selections)
        blocks_.push_back(selection.name);
}

Network &MaskedNetwork::network(bool forced) {
    std::unique_ptr<Network> &wanted = forced ? forced_ : choosing_;
    if (!wanted) {
        RunShape shape = shape_;
        shape.forced_masks = forced;
        wanted = std::make_unique<Network>(model_.description, shape, kernels_, model_.weights);
    }
    return *wanted;
}

size_t MaskedNetwork::show(Network &network, const std::vector<float> &pixels, bool reversed) const {
    const size_t frame = 3 * size_t(shape_.width) * size_t(shape_.height), t = size_t(shape_.frames);
    const size_t clips = pixels.size() / (frame * t);
    for (size_t f = 0; f < clips * t; ++f) {
        const size_t source = reversed ? f / t * t + (t - 1 - f % t) : f;
        network.set_frame(int(f), pixels.data() + source * frame);
    }
    return clips;
}

std::vector<MaskedResult> MaskedNetwork::finish(Network &network, size_t clips) {
    const auto begin = std::chrono::steady_clock::now();
    network.run();
    last_ms_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    const auto masks = network.masks();
    const auto keep = network.keep_probabilities();
    std::vector<MaskedResult> results(clips);
    for (size_t clip = 0; clip < clips; ++clip) {
        results[clip].probabilities = network.probabilities(int(clip));
        results[clip].masks = clip_part(masks, clip, size_t(shape_.frames));
        results[clip].keep = clip_part(keep, clip, size_t(shape_.frames));
    }
    return results;
}

std::vector<MaskedResult> MaskedNetwork::run(const std::vector<float> &pixels, bool reversed,
                                             const std::vector<MaskKey> &noise_keys) {
    Network &chosen = network(false);
    if (!blocks_.empty()) {
        chosen.use_gumbel(!noise_keys.empty());
        for (size_t block = 0; block < blocks_.size() && !noise_keys.empty(); ++block)
            chosen.set_gumbel(block, block_noise(shape_, block, noise_keys));
    }
    const size_t clips = show(chosen, pixels, reversed);
    return finish(chosen, clips);
}

std::vector<MaskedResult> MaskedNetwork::run_forced(const std::vector<float> &pixels, bool reversed,
                                                    const std::vector<ClipMasks> &masks) {
    Network &chosen = network(true);
    const size_t t = size_t(shape_.frames);
    for (size_t block = 0; block < blocks_.size(); ++block) {
        std::vector<int> all(size_t(shape_.flat_frames()), 0);
        for (size_t clip = 0; clip < masks.size(); ++clip)
            std::copy(masks[clip][block].begin(), masks[clip][block].end(), all.begin() + long(clip * t));
        chosen.force_mask(block, all);
    }
    const size_t clips = show(chosen, pixels, reversed);
    return finish(chosen, clips);
}

} // namespace afnet
