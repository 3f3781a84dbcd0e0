#include "model/synthetic_data_set.h"

#include <algorithm>

#include "model/synthetic_key_stripe.h"
#include "model/synthetic_motion_pairs.h"
#include "model/synthetic_patch_key.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// By orientation.
std::vector<std::string> stripe_names() {
    return {"vertical stripes", "rising stripes", "horizontal stripes", "falling stripes"};
}

void check_range(const char *option, int64_t value, int64_t low, int64_t high) {
    if (value >= low && value <= high) return;
    throw UsageError(std::string(option) + " " + std::to_string(value) + ": " + std::to_string(low) + " to " +
                     std::to_string(high) + " expected");
}

} // namespace

const std::vector<SyntheticDataSet> &synthetic_data_sets() {
    static const std::vector<SyntheticDataSet> list = {
        {"motion-pairs",
         kMotionSide,
         2 * kMotionSide,
         0,
         0,
         {"moves right", "moves left", "moves down", "moves up", "turns clockwise", "turns counter-clockwise", "grows",
          "shrinks"}},
        {"key-stripe", kStripeSide, kStripeSide, 2, 0, stripe_names()},
        {"patch-key", kPatchSide, kPatchSide, 4, kPatchGrid, stripe_names()},
    };
    return list;
}

const SyntheticDataSet &synthetic_data_set(const std::string &name) {
    std::vector<std::string> names;
    for (const SyntheticDataSet &each : synthetic_data_sets()) {
        if (each.name == name) return each;
        names.push_back(each.name);
    }
    throw UsageError("unknown data set " + printable(name) + "; one of " + join(names) + " expected");
}

void complete_settings(SyntheticSettings &settings) {
    const SyntheticDataSet &set = synthetic_data_set(settings.data_set);
    if (settings.size == 0) settings.size = set.default_size;
    if (set.has_keys() && settings.keys == 0) settings.keys = std::min(set.default_keys, settings.frames);
    check_range("--clips", settings.clips, 1, kMostClips);
    check_range("--first", settings.first, 0, kLastClip);
    check_range("--frames", settings.frames, 2, kMostFrames);
    check_range("--size", settings.size, set.side, kMostSize);
    check_range("--hold", settings.hold, 1, kMostHold);
    check_range("--fps", settings.fps, 1, 1000);
    check_range("--qp", settings.qp, 0, 51);
    if (settings.size % set.side != 0) {
        throw UsageError("--size " + std::to_string(settings.size) + ": " + set.name + " is drawn at " +
                         std::to_string(set.side) + " x " + std::to_string(set.side) + "; a multiple of " +
                         std::to_string(set.side) + " expected");
    }
    if (!set.has_keys() && settings.keys != 0) {
        throw UsageError("--keys " + std::to_string(settings.keys) + ": " + set.name +
                         " has no key frames; leave the option away");
    }
    if (set.has_keys()) check_range("--keys", settings.keys, 1, settings.frames);
}

SyntheticClip draw_clip(const SyntheticSettings &settings, uint32_t clip) {
    if (settings.data_set == "motion-pairs") return draw_motion_pairs(settings.seed, clip, settings.frames);
    if (settings.data_set == "patch-key") {
        return draw_patch_key(settings.seed, clip, settings.frames, settings.keys);
    }
    return draw_key_stripe(settings.seed, clip, settings.frames, settings.keys);
}

} // namespace afnet
