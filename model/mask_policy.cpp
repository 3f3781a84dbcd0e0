#include "model/mask_policy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/random_use.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr uint32_t kAllBlocks = 0xffff; // a draw for all of them

CounterRandom stream(RandomUse use, const MaskKey &key, uint32_t block) {
    RandomStream stream;
    stream.purpose = use;
    stream.epoch = key.epoch;
    stream.sample = key.sample;
    stream.layer = block;
    return {key.seed, stream};
}

// `count` frames without replacement, each time with probabilities proportional to the exponentials of `weights`: those
// whose weight plus Gumbel noise is largest.
std::vector<int> drawn_mask(const std::vector<double> &weights, int count, CounterRandom &random) {
    std::vector<double> keys;
    for (const double weight : weights)
        keys.push_back(weight + random.gumbel());
    std::vector<size_t> order(keys.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return keys[a] > keys[b]; });
    std::vector<int> mask(keys.size());
    for (int i = 0; i < count; ++i)
        mask[order[size_t(i)]] = 1;
    return mask;
}

std::vector<double> log_weights(MaskPolicy policy, int frames) {
    std::vector<double> weights(size_t(frames), 0.0);
    if (policy != MaskPolicy::Normal) return weights;
    for (int t = 0; t < frames; ++t) {
        const double distance = (t - (frames - 1) / 2.0) / (frames / 4.0);
        weights[size_t(t)] = -distance * distance / 2;
    }
    return weights;
}

int drawn_count(double wanted, CounterRandom &random) {
    const double whole = std::floor(wanted + 1e-9);
    const double rest = wanted - whole;
    // The word is taken in any case: what follows does not depend on the ratio.
    return int(whole) + (random.uniform() < rest);
}

std::vector<int> one_mask(MaskPolicy policy, int frames, double ratio, const MaskKey &key, uint32_t block) {
    CounterRandom random = stream(kMaskDraw, key, block);
    const int count = std::min(frames, drawn_count(std::clamp(ratio, 0.0, 1.0) * frames, random));
    switch (policy) {
    case MaskPolicy::All:
        return first_mask(frames, frames);
    case MaskPolicy::None:
        return first_mask(frames, 0);
    case MaskPolicy::First:
        return first_mask(frames, count);
    case MaskPolicy::Centre:
        return central_mask(frames, count);
    case MaskPolicy::Uniform:
        return spread_mask(frames, count);
    case MaskPolicy::Random:
    case MaskPolicy::RandomSame:
    case MaskPolicy::Normal:
        return drawn_mask(log_weights(policy, frames), count, random);
    default:
        break;
    }
    throw Error("masks of the policy " + mask_policy_name(policy) + " do not follow from numbers alone");
}

bool same_for_all_blocks(MaskPolicy policy) {
    return policy != MaskPolicy::Random && policy != MaskPolicy::Normal;
}

std::vector<size_t> permutation(size_t frames, CounterRandom random) {
    std::vector<size_t> order(frames);
    std::iota(order.begin(), order.end(), size_t(0));
    for (size_t t = frames; t > 1; --t)
        std::swap(order[t - 1], order[random.below(uint32_t(t))]);
    return order;
}

} // namespace

const std::vector<std::string> &mask_policy_names() {
    static const std::vector<std::string> names = {"learned", "gumbel", "random", "random-same", "uniform",
                                                   "normal",  "first",  "centre", "blob",        "crop",
                                                   "all",     "none",   "oracle", "shuffled",    "shuffled-same"};
    return names;
}

std::string mask_policy_name(MaskPolicy policy) {
    return mask_policy_names()[size_t(policy)];
}

MaskPolicy mask_policy_named(const std::string &name) {
    const auto &names = mask_policy_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
        throw UsageError("no masks are called " + printable(name) + "; there are " + join(names));
    }
    return MaskPolicy(found - names.begin());
}

bool chooses_frames(MaskPolicy policy) {
    return policy != MaskPolicy::Blob && policy != MaskPolicy::Crop;
}

bool takes_ratio(MaskPolicy policy) {
    return policy == MaskPolicy::Random || policy == MaskPolicy::RandomSame || policy == MaskPolicy::Uniform ||
           policy == MaskPolicy::Normal || policy == MaskPolicy::First || policy == MaskPolicy::Centre ||
           policy == MaskPolicy::Blob || policy == MaskPolicy::Crop;
}

bool draws(MaskPolicy policy) {
    return policy == MaskPolicy::Gumbel || policy == MaskPolicy::Shuffled || policy == MaskPolicy::ShuffledSame ||
           takes_ratio(policy);
}

bool navigates(MaskPolicy policy) {
    return policy == MaskPolicy::Learned || policy == MaskPolicy::Gumbel;
}

bool needs_navigation(MaskPolicy policy) {
    return navigates(policy) || policy == MaskPolicy::Shuffled || policy == MaskPolicy::ShuffledSame;
}

bool replaces_navigation(MaskPolicy policy) {
    return takes_ratio(policy) || policy == MaskPolicy::None;
}

const std::vector<std::string> &mask_target_names() {
    static const std::vector<std::string> names = {"frames", "patches", "both"};
    return names;
}

std::optional<MaskTarget> mask_target_named(const std::string &word) {
    const auto &names = mask_target_names();
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end()) return std::nullopt;
    return MaskTarget(found - names.begin());
}

bool targets_frames(MaskTarget target) {
    return target != MaskTarget::Patches;
}

bool targets_patches(MaskTarget target) {
    return target != MaskTarget::Frames;
}

ClipMasks policy_masks(MaskPolicy policy, size_t blocks, int frames, double ratio, const MaskKey &key) {
    if (same_for_all_blocks(policy)) return ClipMasks(blocks, one_mask(policy, frames, ratio, key, kAllBlocks));
    ClipMasks masks;
    for (size_t block = 0; block < blocks; ++block)
        masks.push_back(one_mask(policy, frames, ratio, key, uint32_t(block)));
    return masks;
}

std::vector<std::vector<int>> batch_masks(MaskPolicy policy, size_t blocks, int frames, int clips, double ratio,
                                          uint64_t seed, uint32_t epoch, const std::vector<size_t> &samples) {
    std::vector<std::vector<int>> all(blocks, std::vector<int>(size_t(frames) * size_t(clips), 0));
    for (size_t n = 0; n < samples.size(); ++n) {
        const ClipMasks masks = policy_masks(policy, blocks, frames, ratio, {seed, epoch, uint32_t(samples[n])});
        for (size_t block = 0; block < blocks; ++block)
            std::copy(masks[block].begin(), masks[block].end(), all[block].begin() + long(n) * frames);
    }
    return all;
}

ClipMasks oracle_masks(const std::vector<int> &keys, size_t blocks, int frames) {
    std::vector<int> mask(size_t(frames), 0);
    for (const int key : keys)
        mask.at(size_t(key)) = 1;
    return ClipMasks(blocks, mask);
}

ClipMasks shuffled_masks(const ClipMasks &masks, bool same, const MaskKey &key) {
    ClipMasks shuffled = masks;
    for (size_t block = 0; block < masks.size(); ++block) {
        const auto order =
            permutation(masks[block].size(), stream(kMaskShuffle, key, same ? kAllBlocks : uint32_t(block)));
        for (size_t t = 0; t < order.size(); ++t)
            shuffled[block][t] = masks[block][order[t]];
    }
    return shuffled;
}

int selected_count(double rt, int frames) {
    return int(std::lround(std::clamp(rt, 0.0, 1.0) * frames));
}

double realised_ratio(const std::vector<int> &mask) {
    return std::accumulate(mask.begin(), mask.end(), 0.0) / double(mask.size());
}

std::vector<int> first_mask(int frames, int count) {
    std::vector<int> mask(size_t(frames), 0);
    std::fill_n(mask.begin(), count, 1);
    return mask;
}

std::vector<int> central_mask(int frames, int count) {
    std::vector<int> mask(size_t(frames), 0);
    std::fill_n(mask.begin() + (frames - count) / 2, count, 1);
    return mask;
}

std::vector<int> spread_mask(int frames, int count) {
    std::vector<int> mask(size_t(frames), 0);
    for (int t = 0; t < frames; ++t)
        mask[size_t(t)] = (t + 1) * count / frames - t * count / frames;
    return mask;
}

} // namespace afnet
