#include "model/synthetic_patch_key.h"

#include <algorithm>

#include "model/random_use.h"

namespace afnet {

namespace {

constexpr int kCell = kPatchSide / kPatchGrid;
constexpr int kSquare = 12; // columns and rows of stripes in a cell
constexpr double kGround = .2;
constexpr double kNoise = .05;

} // namespace

PatchScene draw_patch_scene(CounterRandom &random, bool key, int label) {
    PatchScene scene;
    const int cell = int(random.below(kPatchGrid * kPatchGrid)); // drawn in any case, so that the rest does not shift
    if (key) scene.key = cell;
    scene.ground = draw_colour(random, 0, kGround);
    for (int i = 0; i < kPatchGrid * kPatchGrid; ++i) {
        Stripes square;
        square.side = kSquare;
        square.x = i % kPatchGrid * kCell + int(random.below(kCell - kSquare + 1));
        square.y = i / kPatchGrid * kCell + int(random.below(kCell - kSquare + 1));
        const int any = int(random.below(kStripeClasses));
        square.orientation = i == scene.key ? label : any;
        square.phase = random.uniform();
        square.colour = draw_stripe_colour(random, i == scene.key);
        scene.squares.push_back(square);
    }
    return scene;
}

Picture patch_picture(const PatchScene &scene) {
    Picture picture{kPatchSide, std::vector<Colour>(kPatchSide * kPatchSide, scene.ground)};
    for (const Stripes &square : scene.squares)
        paint(picture, square);
    return picture;
}

SyntheticClip draw_patch_key(uint64_t seed, uint32_t clip, int frames, int keys) {
    SyntheticClip result;
    result.label = balanced_label(seed, kPatchKeyDraw, clip, kStripeClasses);
    // Frame numbers end at 65534, so the last is free for what concerns the whole clip.
    CounterRandom clip_random(seed, {kPatchKeyDraw, 0, clip, kScenePart, 0xFFFF});
    result.key_frames = draw_subset(clip_random, keys, frames);
    for (int t = 0; t < frames; ++t) {
        const bool key = std::binary_search(result.key_frames.begin(), result.key_frames.end(), t);
        CounterRandom scene_random(seed, {kPatchKeyDraw, 0, clip, kScenePart, uint32_t(t)});
        CounterRandom noise(seed, {kPatchKeyDraw, 0, clip, kNoisePart, uint32_t(t)});
        const PatchScene scene = draw_patch_scene(scene_random, key, result.label);
        if (key) result.key_patches.push_back({t, scene.key % kPatchGrid, scene.key / kPatchGrid});
        result.frames.push_back(noisy_frame(patch_picture(scene), kNoise, noise));
    }
    return result;
}

} // namespace afnet
