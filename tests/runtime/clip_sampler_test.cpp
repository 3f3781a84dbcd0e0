// Which frames a clip sees, against the published rule worked out by hand and by exact arithmetic.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "runtime/clip_sampler.h"
#include "runtime/error.h"

using afnet::CounterRandom;
using afnet::draw_clip_frames;
using afnet::pick_clip_frames;
using Frames = std::vector<int64_t>;

TEST_CASE("a clip of 12 frames sees the middles of 12 parts of the video", "[clip_sampler]") {
    const struct {
        int64_t video_frames;
        Frames expected;
    } cases[] = {
        {13, {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12}},
        {24, {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23}},
        {25, {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23}},
        {300, {12, 37, 62, 87, 112, 137, 162, 187, 212, 237, 262, 287}},
    };
    for (const auto &each : cases) {
        INFO(each.video_frames << " frames");
        const auto picks = pick_clip_frames(each.video_frames, 12);
        CHECK(picks.frames == each.expected);
        CHECK_FALSE(picks.shorter_than_clip);
        CHECK_FALSE(picks.first_frame_only);
    }
}

TEST_CASE("a clip of 8 frames from 30 matches the example of the published program", "[clip_sampler]") {
    CHECK(pick_clip_frames(30, 8).frames == Frames{1, 5, 9, 13, 16, 20, 24, 28});
}

TEST_CASE("a video of no more frames than the clip shows its first frame only", "[clip_sampler]") {
    for (int64_t video_frames : {1, 2, 3, 11, 12}) {
        INFO(video_frames << " frames");
        const auto picks = pick_clip_frames(video_frames, 12);
        CHECK(picks.frames == Frames(12, 0));
        CHECK(picks.first_frame_only);
        CHECK(picks.shorter_than_clip == (video_frames < 12));
    }
    CHECK(pick_clip_frames(1, 1).frames == Frames{0});
}

TEST_CASE("rounding of doubles decides where it does in the published program", "[clip_sampler]") {
    // In exact arithmetic frames 7 and 10 would be 10 and 14: 16/24 + 16/12 * 7 is a whole number.
    CHECK(pick_clip_frames(16, 12).frames == Frames{0, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 15});
}

TEST_CASE("picks ascend inside the video and differ from exact arithmetic by one at most", "[clip_sampler]") {
    for (int clip : {1, 4, 7, 8, 12, 16, 32}) {
        for (int64_t video = clip + 1; video < 2000; ++video) {
            const Frames frames = pick_clip_frames(video, clip).frames;
            REQUIRE(frames.size() == size_t(clip));
            REQUIRE(std::is_sorted(frames.begin(), frames.end()));
            REQUIRE(frames.front() >= 0);
            REQUIRE(frames.back() < video);
            for (int i = 0; i < clip; ++i) {
                const int64_t exact = video * (2 * i + 1) / (2 * clip);
                REQUIRE(frames[size_t(i)] <= exact);
                REQUIRE(frames[size_t(i)] >= exact - 1);
            }
        }
    }
}

TEST_CASE("a video of hours is no problem, and numbers below 1 are refused", "[clip_sampler]") {
    CHECK(pick_clip_frames(4'000'000'000, 4).frames ==
          Frames{500'000'000, 1'500'000'000, 2'500'000'000, 3'500'000'000});
    CHECK_THROWS_AS(pick_clip_frames(0, 12), afnet::Error);
    CHECK_THROWS_AS(pick_clip_frames(-1, 12), afnet::Error);
    CHECK_THROWS_WITH(pick_clip_frames(10, 0), Catch::Contains("cannot pick 0 frames from 10"));
}

TEST_CASE("in training each frame comes from its own segment, every one of them alike", "[clip_sampler]") {
    constexpr int kDraws = 2000;
    for (int64_t video : {1, 2, 3, 11, 12, 13, 24, 25, 300}) {
        INFO(video << " frames");
        const int64_t segment = video / 12;
        std::vector<std::map<int64_t, int>> seen(12);
        for (uint32_t sample = 0; sample < kDraws; ++sample) {
            CounterRandom random(3, {1, 0, sample, 0, 0});
            const auto picks = draw_clip_frames(video, 12, random);
            REQUIRE(picks.frames.size() == 12);
            REQUIRE(picks.first_frame_only == (video < 12));
            REQUIRE(picks.shorter_than_clip == (video < 12));
            for (size_t i = 0; i < 12; ++i)
                seen[i][picks.frames[i]]++;
        }
        for (int64_t i = 0; i < 12; ++i) {
            const auto &frames = seen[size_t(i)];
            if (segment == 0) { // the first frame again and again
                CHECK(frames == std::map<int64_t, int>{{0, kDraws}});
                continue;
            }
            // Nothing outside of the segment, everything in it; 300 frames: 80 of each expected, 9 a deviation.
            REQUIRE(int64_t(frames.size()) == segment);
            CHECK(frames.begin()->first == i * segment);
            CHECK(frames.rbegin()->first == (i + 1) * segment - 1);
            for (const auto &[frame, count] : frames)
                CHECK(std::abs(count - double(kDraws) / double(segment)) <
                      5 * std::sqrt(double(kDraws) / double(segment)));
        }
    }
    CounterRandom random(3, {});
    CHECK_THROWS_AS(draw_clip_frames(0, 8, random), afnet::Error);
    CHECK_THROWS_AS(draw_clip_frames(8, 0, random), afnet::Error);
}
