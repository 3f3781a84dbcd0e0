#include "bench/sparsity_masks.h"

#include <algorithm>
#include <numeric>

#include "model/recipe.h"
#include "runtime/error.h"

namespace afnet {

namespace {

constexpr MaskPattern kPatterns[] = {MaskPattern::First, MaskPattern::Alternating, MaskPattern::Spread,
                                     MaskPattern::Random};

// Frames in the order in which a pattern takes them.
std::vector<int> alternating_order(int frames) {
    std::vector<int> order;
    for (int start : {0, 1}) {
        for (int t = start; t < frames; t += 2) order.push_back(t);
    }
    return order;
}

std::vector<int> random_order(int frames, int clip, size_t block, uint64_t seed) {
    std::vector<int> order(size_t(frames), 0);
    std::iota(order.begin(), order.end(), 0);
    const uint64_t stream = fnv1a64("sparsity." + std::to_string(block) + "." + std::to_string(clip));
    for (int t = frames - 1; t > 0; t--) {
        const int other = std::min(t, int(recipe_uniform(stream, seed, uint64_t(t)) * (t + 1)));
        std::swap(order[size_t(t)], order[size_t(other)]);
    }
    return order;
}

}  // namespace

std::string pattern_name(MaskPattern pattern) {
    switch (pattern) {
    case MaskPattern::First: return "first";
    case MaskPattern::Alternating: return "alternating";
    case MaskPattern::Spread: return "spread";
    case MaskPattern::Random: break;
    }
    return "random";
}

MaskPattern pattern_named(const std::string &name) {
    for (const MaskPattern pattern : kPatterns) {
        if (pattern_name(pattern) == name) return pattern;
    }
    throw UsageError("no mask is called " + name + "; there are first, alternating, spread and random");
}

std::vector<int> pattern_mask(MaskPattern pattern, int frames, int clips, int count, size_t block, uint64_t seed) {
    std::vector<int> mask(size_t(frames) * size_t(clips), 0);
    for (int clip = 0; clip < clips; clip++) {
        int *of_clip = mask.data() + size_t(clip) * size_t(frames);
        if (pattern == MaskPattern::First || pattern == MaskPattern::Spread) {
            const bool first = pattern == MaskPattern::First;
            const std::vector<int> chosen = first ? first_mask(frames, count) : spread_mask(frames, count);
            std::copy(chosen.begin(), chosen.end(), of_clip);
        } else {
            const std::vector<int> order =
                pattern == MaskPattern::Random ? random_order(frames, clip, block, seed) : alternating_order(frames);
            for (int i = 0; i < count; i++) of_clip[order[size_t(i)]] = 1;
        }
    }
    return mask;
}

}  // namespace afnet
