#include "model/synthetic_key_stripe.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/random_use.h"

namespace afnet {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kPatch = 24;
constexpr double kPeriod = 4; // pixels
constexpr double kDark = .45; // of the patch's colour, between its bright stripes
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
    scene.colour[0] = random.uniform(.6, .9);
    scene.colour[1] = random.uniform(.25, .5);
    scene.colour[2] = random.uniform(0, .2);
    if (!key) std::swap(scene.colour[0], scene.colour[2]);
    scene.ground = draw_colour(random, 0, kGround);
    return scene;
}

Picture stripe_picture(const StripeScene &scene) {
    const double angle = scene.orientation * kPi / kStripeClasses;
    const double along_u = std::cos(angle), along_v = std::sin(angle);
    Picture picture{kStripeSide, std::vector<Colour>(kStripeSide * kStripeSide, scene.ground)};
    for (int v = 0; v < kPatch; ++v) {
        for (int u = 0; u < kPatch; ++u) {
            const double turns = (u * along_u + v * along_v) / kPeriod + scene.phase;
            const double shade = turns - std::floor(turns) < .5 ? 1 : kDark;
            Colour &pixel = picture.pixels[size_t(scene.y + v) * kStripeSide + size_t(scene.x + u)];
            for (size_t c = 0; c < 3; ++c)
                pixel[c] = scene.colour[c] * shade;
        }
    }
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
