#include "model/synthetic_key_stripe.h"

#include <algorithm>

#include "model/random_use.h"

namespace afnet {

namespace {

constexpr int kPatch = 24;
constexpr double kGround = .2;
constexpr double kNoise = .08;

} // namespace

StripeScene draw_stripe_scene(CounterRandom &random, bool key, int label) {
    StripeScene scene;
    scene.key = key;
    const int any = int(random.below(kStripeClasses)); // drawn for key frames too, so that the rest does not shift
    scene.orientation = key ? label : any;
    scene.x = 1 + int(random.below(kStripeSide - kPatch - 2));
    scene.y = 1 + int(random.below(kStripeSide - kPatch - 2));
    scene.phase = random.uniform();
    scene.colour = draw_stripe_colour(random, key);
    scene.ground = draw_colour(random, 0, kGround);
    return scene;
}

Picture stripe_picture(const StripeScene &scene) {
    Picture picture{kStripeSide, std::vector<Colour>(kStripeSide * kStripeSide, scene.ground)};
    paint(picture, {scene.x, scene.y, kPatch, scene.orientation, scene.phase, scene.colour});
    return picture;
}

SyntheticClip draw_key_stripe(uint64_t seed, uint32_t clip, int frames, int keys) {
    SyntheticClip result;
    result.label = balanced_label(seed, kKeyStripeDraw, clip, kStripeClasses);
    // Frame numbers end at 65534, so the last is free for what concerns the whole clip.
    CounterRandom clip_random(seed, {kKeyStripeDraw, 0, clip, kScenePart, 0xFFFF});
    result.key_frames = draw_subset(clip_random, keys, frames);
    for (int t = 0; t < frames; ++t) {
        const bool key = std::binary_search(result.key_frames.begin(), result.key_frames.end(), t);
        CounterRandom scene_random(seed, {kKeyStripeDraw, 0, clip, kScenePart, uint32_t(t)});
        CounterRandom noise(seed, {kKeyStripeDraw, 0, clip, kNoisePart, uint32_t(t)});
        const StripeScene scene = draw_stripe_scene(scene_random, key, result.label);
        result.frames.push_back(noisy_frame(stripe_picture(scene), kNoise, noise));
    }
    return result;
}

} // namespace afnet
