#include "model/masked_network.h"

#include <algorithm>
#include <chrono>

#include "model/clip_macs.h"
#include "model/random_use.h"

namespace afnet {

namespace {

RandomStream noise_stream(RandomUse use, const MaskKey &key, size_t block) {
    RandomStream stream;
    stream.purpose = use;
    stream.epoch = key.epoch;
    stream.sample = key.sample;
    stream.layer = uint32_t(block);
    return stream;
}

// The noise of one choice of frames, [2, f]; frames of clips that the batch lacks get that of an even choice.
std::vector<float> frame_noise(const RunShape &shape, size_t selection, const std::vector<MaskKey> &keys) {
    std::vector<float> uniform(2 * size_t(shape.flat_frames()), 0.5f);
    for (size_t clip = 0; clip < keys.size(); ++clip) {
        CounterRandom random(keys[clip].seed, noise_stream(kEvaluationNoise, keys[clip], selection));
        for (size_t i = 0; i < 2 * size_t(shape.frames); ++i)
            uniform[2 * size_t(shape.frames) * clip + i] = float(random.uniform());
    }
    return uniform;
}

// The same of one focal block's patches, [2, gx, gy, f].
std::vector<float> patch_noise(const RunShape &shape, int grid, size_t block, const std::vector<MaskKey> &keys) {
    const size_t of_frame = 2 * size_t(grid) * size_t(grid), frames = size_t(shape.frames);
    std::vector<float> uniform(of_frame * size_t(shape.flat_frames()), 0.5f);
    for (size_t f = 0; f < keys.size() * frames; ++f) {
        const MaskKey &key = keys[f / frames];
        RandomStream stream = noise_stream(kEvaluationPatchNoise, key, block);
        stream.frame = uint32_t(f % frames);
        CounterRandom random(key.seed, stream);
        for (size_t i = 0; i < of_frame; ++i)
            uniform[of_frame * f + i] = float(random.uniform());
    }
    return uniform;
}

// The part of a clip of what each block has for all clips, `size` numbers each.
template <class Element>
std::vector<std::vector<Element>> clip_part(const std::vector<std::vector<Element>> &all, size_t clip, size_t size) {
    std::vector<std::vector<Element>> part;
    for (const auto &of_block : all) {
        const auto begin = of_block.begin() + long(clip * size);
        part.emplace_back(begin, begin + long(size));
    }
    return part;
}

// Of one block, for as many clips as the shape has room for; 0 for those that are not there.
std::vector<int> batch_mask(const std::vector<ClipMasks> &clips, size_t block, size_t room) {
    std::vector<int> all;
    for (const ClipMasks &masks : clips)
        all.insert(all.end(), masks[block].begin(), masks[block].end());
    all.resize(room, 0);
    return all;
}

} // namespace

MaskedNetwork::MaskedNetwork(const LoadedModel &model, KernelStore &kernels, const RunShape &shape, int grid)
    : model_(model), kernels_(kernels), shape_(shape), grid_(grid) {
    check_frames(model, shape.frames);
    const LoweredNetwork &lowered = network(false, false).lowered();
    blocks_ = masked_blocks(lowered);
    selections_ = lowered.selections.size();
}

Network &MaskedNetwork::network(bool frames_given, bool patches_given) {
    std::unique_ptr<Network> &wanted = networks_[{frames_given, patches_given}];
    if (!wanted) {
        RunShape shape = shape_;
        shape.forced_masks = frames_given;
        shape.forced_grid = patches_given ? grid_ : 0;
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
    const auto patches = network.patch_masks();
    const std::vector<double> macs = clip_macs(network);
    const int grid = network.grid();
    const size_t frames = size_t(shape_.frames), patches_of_clip = frames * size_t(grid) * size_t(grid);
    std::vector<MaskedResult> results(clips);
    for (size_t clip = 0; clip < clips; ++clip) {
        results[clip].probabilities = network.probabilities(int(clip));
        results[clip].masks = clip_part(masks, clip, frames);
        results[clip].keep = clip_part(keep, clip, frames);
        results[clip].patches = clip_part(patches, clip, patches_of_clip);
        results[clip].grid = grid;
        results[clip].macs = macs[clip];
    }
    return results;
}

std::vector<MaskedResult> MaskedNetwork::run(const std::vector<float> &pixels, bool reversed,
                                             const std::vector<MaskKey> &noise_keys) {
    Network &chosen = network(false, false);
    if (!blocks_.empty()) chosen.use_gumbel(!noise_keys.empty());
    for (size_t selection = 0; selection < selections_ && !noise_keys.empty(); ++selection)
        chosen.set_gumbel(selection, frame_noise(shape_, selection, noise_keys));
    for (size_t block = 0; block < chosen.lowered().patches.size() && !noise_keys.empty(); ++block)
        chosen.set_patch_gumbel(block, patch_noise(shape_, chosen.grid(), block, noise_keys));
    const size_t clips = show(chosen, pixels, reversed);
    return finish(chosen, clips);
}

std::vector<MaskedResult> MaskedNetwork::run_given(const std::vector<float> &pixels, bool reversed,
                                                   const GivenMasks &masks) {
    Network &chosen = network(!masks.frames.empty(), !masks.patches.empty());
    const size_t room = size_t(shape_.flat_frames()), patches = room * size_t(grid_) * size_t(grid_);
    for (size_t selection = 0; selection < selections_ && !masks.frames.empty(); ++selection)
        chosen.force_mask(selection, batch_mask(masks.frames, selection, room));
    for (size_t block = 0; block < blocks_.size() && !masks.patches.empty(); ++block)
        chosen.force_patches(block, batch_mask(masks.patches, block, patches));
    const size_t clips = show(chosen, pixels, reversed);
    return finish(chosen, clips);
}

} // namespace afnet
