// The synthetic data sets: draws that stay as they are, and the properties that make them need order or selection.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "model/random_use.h"
#include "model/synthetic_data_set.h"
#include "model/synthetic_key_stripe.h"
#include "model/synthetic_motion_pairs.h"
#include "model/synthetic_patch_key.h"
#include "runtime/content_hash.h"
#include "runtime/error.h"
#include "tests/model/stripe_reader.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

std::string hash_of(const SyntheticClip &clip) {
    std::string bytes;
    for (const RgbFrame &frame : clip.frames)
        bytes.append(frame.data.begin(), frame.data.end());
    return content_hash(bytes);
}

SyntheticSettings settings_of(const std::string &data_set) {
    SyntheticSettings settings;
    settings.data_set = data_set;
    settings.clips = 1;
    return settings;
}

MotionScene scene_number(uint32_t number) {
    CounterRandom random(5, {0, 0, number, 0, 0});
    return draw_motion_scene(random);
}

// Centre and area of the pixels that have the shape's colour.
struct Shape {
    double x = 0, y = 0, area = 0;
};

Shape shape_in(const Picture &picture, const Colour &colour) {
    Shape shape;
    for (int i = 0; i < picture.side * picture.side; ++i) {
        if (picture.pixels[size_t(i)] != colour) continue;
        shape.x += i % picture.side;
        shape.y += i / picture.side;
        shape.area++;
    }
    shape.x /= shape.area;
    shape.y /= shape.area;
    return shape;
}

// A cell of PatchKey's grid, its mean taken away, on a grey frame as large as KeyStripe's.
RgbFrame patch_cell(const RgbFrame &frame, int column, int row) {
    constexpr int kCell = kPatchSide / kPatchGrid;
    RgbFrame cell{kStripeSide, kStripeSide, std::vector<uint8_t>(3 * kStripeSide * kStripeSide, 128)};
    for (int c = 0; c < 3; ++c) {
        const auto at = [&](int x, int y) {
            return int(frame.data[3 * (size_t(row * kCell + y) * kPatchSide + size_t(column * kCell + x)) + size_t(c)]);
        };
        int sum = 0;
        for (int i = 0; i < kCell * kCell; ++i)
            sum += at(i % kCell, i / kCell);
        for (int i = 0; i < kCell * kCell; ++i) {
            const int value = 128 + at(i % kCell, i / kCell) - sum / (kCell * kCell);
            cell.data[3 * size_t(i / kCell * kStripeSide + i % kCell) + size_t(c)] = uint8_t(std::clamp(value, 0, 255));
        }
    }
    return cell;
}

// Red over blue, summed over a cell.
long warmth(const RgbFrame &frame, int column, int row) {
    constexpr int kCell = kPatchSide / kPatchGrid;
    long sum = 0;
    for (int y = row * kCell; y < (row + 1) * kCell; ++y) {
        for (int x = column * kCell; x < (column + 1) * kCell; ++x) {
            const uint8_t *pixel = frame.data.data() + 3 * (size_t(y) * kPatchSide + size_t(x));
            sum += pixel[0] - pixel[2];
        }
    }
    return sum;
}

} // namespace

TEST_CASE("the draws of MotionPairs-8 stay as they are", "[synthetic]") {
    const std::pair<int, std::string> expected[] = {{5, "06450e8dd75ca495a64fea83ae71beb6"},
                                                    {1, "7fca8224c0a957dc84b0e89f315a162c"},
                                                    {6, "46dd8062738bc3fa351865d5611c35aa"}};
    for (uint32_t i = 0; i < 3; ++i) {
        const SyntheticClip clip = draw_motion_pairs(1, i, 8);
        CHECK(clip.label == expected[i].first);
        CHECK(hash_of(clip) == expected[i].second);
        CHECK(clip.key_frames.empty());
    }
    CHECK(hash_of(draw_motion_pairs(2, 0, 8)) == "5243565d67dfd54338cf22221f0c0a14");
    CHECK(hash_of(draw_motion_pairs(1, 0, 12)) == "15067bba23e03f7741d88dc39730945a");
}

TEST_CASE("the draws of KeyStripe-AF stay as they are", "[synthetic]") {
    struct Expected {
        int label;
        std::vector<int> keys;
        std::string hash;
    };
    const Expected expected[] = {{2, {0, 5}, "e4870a342bc1898a7c308e76fc1da1fe"},
                                 {0, {3, 4}, "e08d0b915e1377cdd47bc71e06962b85"},
                                 {1, {4, 7}, "5eb148d356dd0ac5e27c3b598f9b452a"}};
    for (uint32_t i = 0; i < 3; ++i) {
        const SyntheticClip clip = draw_key_stripe(1, i, 8, 2);
        CHECK(clip.label == expected[i].label);
        CHECK(clip.key_frames == expected[i].keys);
        CHECK(hash_of(clip) == expected[i].hash);
    }
    CHECK(hash_of(draw_key_stripe(2, 0, 8, 2)) == "d56688de313347227247c0f47ab1bea9");
    CHECK(hash_of(draw_key_stripe(1, 0, 12, 3)) == "b1f730e682be6a4432dd8241e40a7618");
}

TEST_CASE("the draws of PatchKey stay as they are", "[synthetic]") {
    struct Expected {
        int label;
        std::vector<std::array<int, 3>> patches; // frame, column, row
        std::string hash;
    };
    const Expected expected[] = {{0, {{0, 2, 2}, {2, 1, 1}, {6, 3, 2}, {7, 3, 1}}, "9abdeaaa85e4f099282ec8acf162863b"},
                                 {3, {{0, 3, 1}, {2, 1, 2}, {6, 0, 2}, {7, 2, 0}}, "4ff9de4338f99894649029f518d068f0"},
                                 {2, {{0, 3, 0}, {1, 3, 0}, {3, 2, 1}, {6, 2, 2}}, "4ac90f427a43fbc931e6ecbdc4b309ef"}};
    for (uint32_t i = 0; i < 3; ++i) {
        const SyntheticClip clip = draw_patch_key(1, i, 8, 4);
        std::vector<std::array<int, 3>> patches;
        for (const KeyPatch &patch : clip.key_patches)
            patches.push_back({patch.frame, patch.column, patch.row});
        CHECK(clip.label == expected[i].label);
        CHECK(patches == expected[i].patches);
        CHECK(hash_of(clip) == expected[i].hash);
    }
    CHECK(hash_of(draw_patch_key(2, 0, 8, 4)) == "8eabc80948aeb83af872366a7f929990");
    CHECK(hash_of(draw_patch_key(1, 0, 12, 3)) == "6fff4ba023295908c0f8867dd8778b82");
}

TEST_CASE("one patch of a key frame is warm and shows the class, the others anything", "[synthetic]") {
    constexpr int kClips = 60;
    int key_right = 0, keys = 0, other_equal = 0, others = 0, told = 0;
    std::map<std::pair<int, int>, int> places;
    for (uint32_t i = 0; i < kClips; ++i) {
        const SyntheticClip clip = draw_patch_key(4, i, 8, 4);
        REQUIRE(clip.key_frames.size() == 4);
        REQUIRE(clip.key_patches.size() == 4);
        for (size_t k = 0; k < 4; ++k)
            REQUIRE(clip.key_patches[k].frame == clip.key_frames[k]);
        for (const KeyPatch &patch : clip.key_patches)
            places[{patch.column, patch.row}]++;
        for (int t = 0; t < 8; ++t) {
            for (int cell = 0; cell < kPatchGrid * kPatchGrid; ++cell) {
                const int column = cell % kPatchGrid, row = cell / kPatchGrid;
                const bool key = std::any_of(clip.key_patches.begin(), clip.key_patches.end(), [&](const KeyPatch &p) {
                    return p.frame == t && p.column == column && p.row == row;
                });
                const RgbFrame &frame = clip.frames[size_t(t)];
                const bool equal = read_orientation(patch_cell(frame, column, row)) == clip.label;
                told += (warmth(frame, column, row) > 0) == key;
                (key ? keys : others)++;
                if (equal) (key ? key_right : other_equal)++;
            }
        }
    }
    CHECK(keys == 4 * kClips);
    CHECK(key_right == keys);
    CHECK(told == keys + others);
    CHECK(std::abs(double(other_equal) / others - .25) < 5 * std::sqrt(.25 * .75 / others));
    CHECK(places.size() == size_t(kPatchGrid * kPatchGrid));
}

TEST_CASE("clips of a data set have the sides and numbers that were asked for", "[synthetic]") {
    const std::string data_set = GENERATE("motion-pairs", "key-stripe", "patch-key");
    SyntheticSettings settings = settings_of(data_set);
    settings.frames = GENERATE(2, 8, 12, 256);
    complete_settings(settings);
    const int side = synthetic_data_set(data_set).side;
    const SyntheticClip clip = draw_clip(settings, 7);
    REQUIRE(clip.frames.size() == size_t(settings.frames));
    for (const RgbFrame &frame : clip.frames) {
        REQUIRE(frame.width == side);
        REQUIRE(frame.height == side);
        REQUIRE(frame.data.size() == size_t(3) * side * side);
    }
    CHECK(hash_of(draw_clip(settings, 7)) == hash_of(clip));
    CHECK(hash_of(draw_clip(settings, 8)) != hash_of(clip));
    settings.seed++;
    CHECK(hash_of(draw_clip(settings, 7)) != hash_of(clip));
}

TEST_CASE("labels are balanced, and their order is not", "[synthetic]") {
    for (const int classes : {kMotionClasses, kStripeClasses}) {
        std::map<int, int> at_first, at_last;
        constexpr int kRuns = 1600;
        for (uint32_t run = 0; run < kRuns; ++run) {
            std::set<int> seen;
            for (int i = 0; i < classes; ++i) {
                const int label = balanced_label(3, kMotionPairsDraw, run * uint32_t(classes) + uint32_t(i), classes);
                REQUIRE(label >= 0);
                REQUIRE(label < classes);
                seen.insert(label);
                if (i == 0) at_first[label]++;
                if (i == classes - 1) at_last[label]++;
            }
            REQUIRE(int(seen.size()) == classes);
        }
        const double share = double(kRuns) / classes;
        for (int label = 0; label < classes; ++label) {
            CHECK(std::abs(at_first[label] - share) < 5 * std::sqrt(share));
            CHECK(std::abs(at_last[label] - share) < 5 * std::sqrt(share));
        }
    }
}

TEST_CASE("scenes of MotionPairs-8 lie in their ranges", "[synthetic]") {
    struct Range {
        double low, high, least = 1e9, most = -1e9, sum = 0;
        void take(double value) {
            REQUIRE(value >= low);
            REQUIRE(value < high);
            least = std::min(least, value);
            most = std::max(most, value);
            sum += value;
        }
    };
    constexpr double kTurn = 2 * 3.14159265358979323846;
    Range colour{.55, 1}, ground{0, .45}, radius{3.5, 5.5}, path{10, 16}, x{11, 21}, y{11, 21}, noise{0, .08},
        gradient{0, kTurn}, phase{0, kTurn};
    constexpr int kScenes = 4000;
    std::map<int, int> shapes;
    for (uint32_t i = 0; i < kScenes; ++i) {
        const MotionScene scene = scene_number(i);
        for (size_t c = 0; c < 3; ++c) {
            colour.take(scene.colour[c]);
            ground.take(scene.from[c]);
            ground.take(scene.to[c]);
        }
        radius.take(scene.radius);
        path.take(scene.path);
        x.take(scene.x);
        y.take(scene.y);
        noise.take(scene.noise);
        gradient.take(scene.gradient);
        phase.take(scene.phase);
        shapes[scene.shape]++;
    }
    for (const Range &range : {radius, path, x, y, noise, gradient, phase}) {
        const double width = range.high - range.low;
        CHECK(range.least < range.low + width / 100);
        CHECK(range.most > range.high - width / 100);
        CHECK(std::abs(range.sum / kScenes - (range.low + range.high) / 2) < 5 * width / std::sqrt(12. * kScenes));
    }
    CHECK(shapes.size() == 3);
    for (const auto &[shape, count] : shapes)
        CHECK(std::abs(count - kScenes / 3) < 5 * std::sqrt(kScenes / 3.));
}

TEST_CASE("backwards a motion is its partner", "[synthetic]") {
    for (const int frames : {2, 7, 8, 12}) {
        for (uint32_t number = 0; number < 20; ++number) {
            const MotionScene scene = scene_number(number);
            for (int label = 0; label < kMotionClasses; ++label) {
                for (int t = 0; t < frames; ++t) {
                    const Picture picture = motion_picture(scene, label, t, frames);
                    REQUIRE(picture.pixels == motion_picture(scene, label ^ 1, frames - 1 - t, frames).pixels);
                }
                // Another order than backwards and forwards is another clip.
                CHECK(motion_picture(scene, label, 0, frames).pixels !=
                      motion_picture(scene, label, frames - 1, frames).pixels);
            }
        }
    }
}

TEST_CASE("motions are what their names say", "[synthetic]") {
    const auto names = synthetic_data_set("motion-pairs").classes;
    REQUIRE(names == std::vector<std::string>{"moves right", "moves left", "moves down", "moves up", "turns clockwise",
                                              "turns counter-clockwise", "grows", "shrinks"});
    for (uint32_t number = 0; number < 60; ++number) {
        const MotionScene scene = scene_number(number);
        for (int label = 0; label < kMotionClasses; ++label) {
            const int forwards = label % 2 == 0 ? 1 : -1;
            const auto shape_at = [&](int t) { return shape_in(motion_picture(scene, label, t, 8), scene.colour); };
            const Shape first = shape_at(0), middle = shape_at(3), next = shape_at(4), last = shape_at(7);
            INFO("scene " << number << ", " << names[size_t(label)]);
            if (label < 4) {
                const double along = label < 2 ? last.x - first.x : last.y - first.y;
                const double across = label < 2 ? last.y - first.y : last.x - first.x;
                // The frame cuts off what leaves it.
                CHECK(forwards * along > scene.path - 3.5);
                CHECK(forwards * along < scene.path + 1.5);
                CHECK(std::abs(across) < 1);
            } else if (label < 6) {
                // On a screen, where y points down, clockwise is where x turns into y.
                const double turn = (middle.x - 16) * (next.y - 16) - (middle.y - 16) * (next.x - 16);
                CHECK(forwards * turn > 0);
                for (const Shape &shape : {first, middle, next, last})
                    CHECK(std::abs(std::hypot(shape.x - 16, shape.y - 16) - 8) < 1);
            } else {
                CHECK(forwards * (last.area - first.area) > 40);
                CHECK(std::abs(last.x - first.x) < 1);
            }
        }
    }
}

TEST_CASE("noise has the deviation that was asked for, and values are cut off", "[synthetic]") {
    CounterRandom random(6, {});
    const Picture grey{64, std::vector<Colour>(64 * 64, Colour{.5, .5, .5})};
    const RgbFrame frame = noisy_frame(grey, .08, random);
    double sum = 0, squares = 0;
    for (const uint8_t value : frame.data) {
        sum += value;
        squares += double(value) * value;
    }
    const double n = double(frame.data.size()), mean = sum / n;
    CHECK(std::abs(mean - 127.5) < .9);
    CHECK(std::abs(std::sqrt(squares / n - mean * mean) - 20.4) < .8);
    const Picture edges{2, {{0, 0, 0}, {1, 1, 1}, {.1, .2, .3}, {-1, 2, .5}}};
    CHECK(noisy_frame(edges, 0, random).data == std::vector<uint8_t>{0, 0, 0, 255, 255, 255, 26, 51, 77, 0, 255, 128});
}

TEST_CASE("enlarging repeats pixels", "[synthetic]") {
    const RgbFrame small{2, 1, {1, 2, 3, 4, 5, 6}};
    CHECK(enlarged(small, 1).data == small.data);
    const RgbFrame large = enlarged(small, 2);
    CHECK(large.width == 4);
    CHECK(large.height == 2);
    CHECK(large.data == std::vector<uint8_t>{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, //
                                             1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
}

TEST_CASE("key frames are any, each set alike", "[synthetic]") {
    constexpr int kClips = 2800;
    std::map<std::vector<int>, int> sets;
    for (uint32_t i = 0; i < kClips; ++i) {
        CounterRandom random(8, {0, 0, i, 0, 0});
        const std::vector<int> keys = draw_subset(random, 2, 8);
        REQUIRE(keys.size() == 2);
        REQUIRE(keys[0] < keys[1]);
        REQUIRE(keys[0] >= 0);
        REQUIRE(keys[1] < 8);
        sets[keys]++;
    }
    CHECK(sets.size() == 28);
    for (const auto &[set, count] : sets)
        CHECK(std::abs(count - 100) < 50);
    CounterRandom random(8, {});
    CHECK(draw_subset(random, 8, 8) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("key frames show the class, the others anything", "[synthetic]") {
    constexpr int kClips = 120;
    int key_right = 0, other_equal = 0, keys = 0, others = 0, hot = 0;
    std::map<int, int> positions;
    for (uint32_t i = 0; i < kClips; ++i) {
        const SyntheticClip clip = draw_key_stripe(4, i, 8, 2);
        REQUIRE(clip.key_frames.size() == 2);
        for (int t = 0; t < 8; ++t) {
            const RgbFrame &frame = clip.frames[size_t(t)];
            const bool key = std::count(clip.key_frames.begin(), clip.key_frames.end(), t) > 0;
            const bool equal = read_orientation(frame) == clip.label;
            hot += looks_like_key(frame) == key;
            positions[t] += key;
            (key ? keys : others)++;
            if (equal) (key ? key_right : other_equal)++;
        }
    }
    CHECK(hot == 8 * kClips);
    CHECK(key_right == keys);
    CHECK(std::abs(double(other_equal) / others - .25) < 5 * std::sqrt(.25 * .75 / others));
    CHECK(positions.size() == 8);
}

TEST_CASE("scenes of KeyStripe-AF lie in their ranges", "[synthetic]") {
    std::map<int, int> columns, rows, orientations;
    constexpr int kScenes = 4400;
    for (int i = 0; i < kScenes; ++i) {
        CounterRandom random(9, {0, 0, uint32_t(i), 0, 0});
        const bool key = i % 2 == 0;
        const StripeScene scene = draw_stripe_scene(random, key, 2);
        columns[scene.x]++;
        rows[scene.y]++;
        if (!key) orientations[scene.orientation]++;
        REQUIRE((!key || scene.orientation == 2));
        const double warm = scene.colour[key ? 0 : 2], cool = scene.colour[key ? 2 : 0];
        REQUIRE((warm >= .6 && warm < .9 && cool >= 0 && cool < .2));
        REQUIRE((scene.colour[1] >= .25 && scene.colour[1] < .5));
        for (const double channel : scene.ground)
            REQUIRE((channel >= 0 && channel < .2));
        REQUIRE((scene.phase >= 0 && scene.phase < 1));
    }
    for (const auto &counts : {columns, rows}) {
        CHECK(counts.size() == 22);
        CHECK(counts.begin()->first == 1);
        CHECK(counts.rbegin()->first == 22);
        for (const auto &[place, count] : counts)
            CHECK(std::abs(count - kScenes / 22) < 5 * std::sqrt(kScenes / 22.));
    }
    CHECK(orientations.size() == 4);
    for (const auto &[orientation, count] : orientations)
        CHECK(std::abs(count - kScenes / 8) < 5 * std::sqrt(kScenes / 8.));
}

TEST_CASE("a stripe picture is two shades of a patch on the ground", "[synthetic]") {
    for (int orientation = 0; orientation < 4; ++orientation) {
        StripeScene scene;
        scene.orientation = orientation;
        scene.x = 5;
        scene.y = 9;
        scene.phase = .1;
        scene.colour = {.8, .4, .1};
        scene.ground = {.15, .1, .05};
        const Picture picture = stripe_picture(scene);
        int bright = 0, dark = 0;
        for (int y = 0; y < 48; ++y) {
            for (int x = 0; x < 48; ++x) {
                const Colour &pixel = picture.pixels[size_t(y) * 48 + size_t(x)];
                const bool inside = x >= 5 && x < 29 && y >= 9 && y < 33;
                REQUIRE((pixel == scene.ground) == !inside);
                bright += pixel[0] == .8;
                dark += inside && pixel[0] == .8 * .45;
            }
        }
        CHECK(bright + dark == 24 * 24);
        CHECK(std::abs(bright - dark) < 60);
    }
    // Vertical stripes, of two columns each.
    StripeScene scene;
    scene.colour = {1, 1, 1};
    const Picture picture = stripe_picture(scene);
    for (int x = 0; x < 24; ++x)
        CHECK((picture.pixels[size_t(x)][0] == 1) == (x % 4 < 2));
}

TEST_CASE("settings of a data set are completed and checked", "[synthetic]") {
    SyntheticSettings motion = settings_of("motion-pairs"), stripe = settings_of("key-stripe");
    complete_settings(motion);
    complete_settings(stripe);
    CHECK(motion.size == 64);
    CHECK(motion.keys == 0);
    CHECK(stripe.size == 48);
    CHECK(stripe.keys == 2);
    SyntheticSettings patch = settings_of("patch-key");
    complete_settings(patch);
    CHECK(patch.size == 64);
    CHECK(patch.keys == 4);
    patch = settings_of("patch-key");
    patch.frames = 2;
    complete_settings(patch);
    CHECK(patch.keys == 2);
    const auto refusal = [](SyntheticSettings settings, auto change) {
        change(settings);
        try {
            complete_settings(settings);
        } catch (const UsageError &error) {
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    using S = SyntheticSettings;
    CHECK_THAT(refusal(motion, [](S &s) { s.data_set = "nosuch"; }), Contains("motion-pairs, key-stripe"));
    CHECK_THAT(refusal(motion, [](S &s) { s.clips = 0; }), Contains("--clips 0: 1 to 1000000"));
    CHECK_THAT(refusal(motion, [](S &s) { s.first = -1; }), Contains("--first -1"));
    CHECK_THAT(refusal(motion, [](S &s) { s.frames = 1; }), Contains("--frames 1: 2 to 256"));
    CHECK_THAT(refusal(motion, [](S &s) { s.size = 48; }), Contains("a multiple of 32"));
    CHECK_THAT(refusal(motion, [](S &s) { s.size = 2048; }), Contains("--size 2048"));
    CHECK_THAT(refusal(motion, [](S &s) { s.keys = 2; }), Contains("has no key frames"));
    CHECK_THAT(refusal(motion, [](S &s) { s.hold = 0; }), Contains("--hold 0"));
    CHECK_THAT(refusal(motion, [](S &s) { s.fps = 0; }), Contains("--fps 0"));
    CHECK_THAT(refusal(motion, [](S &s) { s.qp = 52; }), Contains("--qp 52"));
    CHECK_THAT(refusal(stripe, [](S &s) { s.size = 64; }), Contains("a multiple of 48"));
    CHECK_THAT(refusal(stripe, [](S &s) { s.keys = 9; }), Contains("--keys 9: 1 to 8"));
    CHECK(refusal(stripe, [](S &s) { s.keys = 8; }) == "accepted");
}
