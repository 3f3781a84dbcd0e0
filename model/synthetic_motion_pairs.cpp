#include "model/synthetic_motion_pairs.h"

#include <algorithm>
#include <cmath>

#include "model/random_use.h"

namespace afnet {

namespace {

constexpr double kPi = 3.14159265358979323846;

bool inside(int shape, double dx, double dy, double radius) {
    switch (shape) {
    case 0:
        return dx * dx + dy * dy < radius * radius;
    case 1:
        return std::max(std::abs(dx), std::abs(dy)) < radius * .88;
    default:
        return std::abs(dx) + std::abs(dy) < radius * 1.25;
    }
}

struct Placement {
    double x, y, radius;
};

// Where the shape is at time d from -1/2 to 1/2, in the class of the pair that runs forwards.
Placement placement(const MotionScene &scene, int pair, double d) {
    Placement place{scene.x, scene.y, scene.radius};
    if (pair == 0) place.x += scene.path * d;
    if (pair == 1) place.y += scene.path * d;
    if (pair == 2) {
        const double angle = scene.phase + d * kPi * 1.2;
        place.x = kMotionSide / 2 + 8 * std::cos(angle);
        place.y = kMotionSide / 2 + 8 * std::sin(angle);
    }
    if (pair == 3) place.radius += 5 * d;
    return place;
}

} // namespace

MotionScene draw_motion_scene(CounterRandom &random) {
    MotionScene scene;
    scene.colour = draw_colour(random, .55, 1);
    scene.from = draw_colour(random, 0, .45);
    scene.to = draw_colour(random, 0, .45);
    scene.shape = int(random.below(3));
    scene.radius = random.uniform(3.5, 5.5);
    scene.path = random.uniform(10, 16);
    scene.x = random.uniform(11, 21);
    scene.y = random.uniform(11, 21);
    scene.noise = random.uniform(0, .08);
    scene.gradient = random.uniform(0, 2 * kPi);
    scene.phase = random.uniform(0, 2 * kPi);
    return scene;
}

Picture motion_picture(const MotionScene &scene, int label, int frame, int frames) {
    // Whole numbers up to the division, so that both directions meet exactly the same times.
    const int steps = frames - 1;
    const int forwards = 2 * frame - steps;
    const double d = double(label % 2 == 0 ? forwards : -forwards) / (2 * steps);
    const Placement place = placement(scene, label / 2, d);
    const double along_x = std::cos(scene.gradient), along_y = std::sin(scene.gradient);
    Picture picture{kMotionSide, {}};
    picture.pixels.reserve(kMotionSide * kMotionSide);
    for (int y = 0; y < kMotionSide; ++y) {
        for (int x = 0; x < kMotionSide; ++x) {
            Colour pixel = scene.colour;
            if (!inside(scene.shape, x - place.x, y - place.y, place.radius)) {
                const double ramp = (along_x * x + along_y * y) / kMotionSide * .5 + .5;
                for (size_t c = 0; c < 3; ++c)
                    pixel[c] = scene.from[c] + (scene.to[c] - scene.from[c]) * ramp;
            }
            picture.pixels.push_back(pixel);
        }
    }
    return picture;
}

SyntheticClip draw_motion_pairs(uint64_t seed, uint32_t clip, int frames) {
    SyntheticClip result;
    result.label = balanced_label(seed, kMotionPairsDraw, clip, kMotionClasses);
    CounterRandom scene_random(seed, {kMotionPairsDraw, 0, clip, kScenePart, 0});
    const MotionScene scene = draw_motion_scene(scene_random);
    for (int t = 0; t < frames; ++t) {
        CounterRandom noise(seed, {kMotionPairsDraw, 0, clip, kNoisePart, uint32_t(t)});
        result.frames.push_back(noisy_frame(motion_picture(scene, result.label, t, frames), scene.noise, noise));
    }
    return result;
}

} // namespace afnet
