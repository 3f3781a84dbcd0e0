// Videos out: what is written is what is read, within the compression; the same bytes each time; refusals.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/media_switches.h"
#include "runtime/parallel_for.h"
#include "runtime/video_reader.h"
#include "runtime/video_writer.h"
#include "tests/runtime/media_fixture.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

#if AFNET_WITH_FFMPEG

namespace {

// Saturated colours, edges and a little noise; frame `t` of a moving picture.
RgbFrame moving_frame(int width, int height, int t) {
    CounterRandom random(11, {0, 0, 0, 0, uint32_t(t)});
    RgbFrame frame{width, height, {}};
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const bool inside = (x + t) % 16 < 8;
            const int values[] = {inside ? 250 : 5, 255 * y / height, inside ? 10 : 255 * x / width};
            for (const int value : values)
                frame.data.push_back(uint8_t(std::clamp(value + int(6 * random.normal()), 0, 255)));
        }
    }
    return frame;
}

size_t write_moving(const std::string &path, const VideoSettings &settings, int frames) {
    VideoWriter writer(path, settings);
    for (int t = 0; t < frames; ++t)
        writer.add(moving_frame(settings.width, settings.height, t));
    return writer.finish();
}

VideoSettings of_size(int width, int height, int qp = 12) {
    VideoSettings settings;
    settings.width = width;
    settings.height = height;
    settings.qp = qp;
    return settings;
}

bool no_encoder() {
    return missing_encoder("libx264");
}

} // namespace

TEST_CASE("frames survive being written as a video", "[video_writer]") {
    if (no_encoder()) return;
    const TemporaryFolder folder;
    const auto [width, height] = GENERATE(std::pair{64, 64}, std::pair{48, 48}, std::pair{33, 17}, std::pair{320, 240});
    const auto [qp, mean_bound, bound] = GENERATE(std::tuple{0, .5, 2}, std::tuple{12, 2., 30});
    INFO(width << " x " << height << ", qp " << qp);
    VideoSettings settings = of_size(width, height, qp);
    settings.fps = 25;
    const size_t bytes = write_moving(folder.file("a.mp4"), settings, 9);
    CHECK(bytes == std::filesystem::file_size(folder.file("a.mp4")));
    VideoReader reader(folder.file("a.mp4"));
    REQUIRE(reader.frame_count() == 9);
    std::vector<RgbFrame> frames;
    REQUIRE(reader.read({0, 1, 2, 3, 4, 5, 6, 7, 8}, frames));
    for (int t = 0; t < 9; ++t) {
        const RgbFrame truth = moving_frame(width, height, t);
        const RgbFrame &frame = frames[size_t(t)];
        REQUIRE(frame.width == width);
        REQUIRE(frame.height == height);
        double sum = 0;
        int most = 0;
        for (size_t i = 0; i < truth.data.size(); ++i) {
            const int difference = std::abs(int(frame.data[i]) - int(truth.data[i]));
            sum += difference;
            most = std::max(most, difference);
        }
        CHECK(sum / double(truth.data.size()) < mean_bound);
        CHECK(most <= bound);
        CHECK(reader.frame_seconds(t) == Approx(t / 25.));
    }
    CHECK(reader.warnings().empty());
    std::vector<PlanarFrame> planes;
    REQUIRE(reader.read_planes({0}, planes));
    CHECK_THAT(planes[0].pixel_format, Contains("444p"));
}

TEST_CASE("a video of one frame is one", "[video_writer]") {
    if (no_encoder()) return;
    const TemporaryFolder folder;
    write_moving(folder.file("a.mp4"), of_size(16, 16), 1);
    CHECK(VideoReader(folder.file("a.mp4")).frame_count() == 1);
}

TEST_CASE("the same frames make the same bytes, whatever else goes on", "[video_writer]") {
    if (no_encoder()) return;
    const TemporaryFolder folder;
    parallel_for(6, [&](size_t i) {
        write_moving(folder.file(std::to_string(i) + ".mp4"), of_size(64, 48, i < 5 ? 12 : 13), 20);
    });
    const Bytes first = read_bytes(folder.file("0.mp4"));
    CHECK_FALSE(first.empty());
    for (const char *other : {"1.mp4", "2.mp4", "3.mp4", "4.mp4"})
        CHECK(read_bytes(folder.file(other)) == first);
    CHECK(read_bytes(folder.file("5.mp4")) != first);
    // Nothing says which FFmpeg wrote it.
    const std::string text(first.begin(), first.end());
    for (const char *name : {"Lavf", "Lavc"})
        CHECK(text.find(name) == std::string::npos);
}

TEST_CASE("a group of frames decodes alike wherever it stands", "[video_writer]") {
    if (no_encoder()) return;
    const TemporaryFolder folder;
    VideoSettings settings = of_size(48, 48);
    settings.group = GENERATE(1, 2, 3);
    constexpr int kGroups = 12;
    const auto written = [&](const char *name, const auto &picture_of_group) {
        VideoWriter writer(folder.file(name), settings);
        for (int i = 0; i < kGroups * settings.group; ++i)
            writer.add(moving_frame(48, 48, picture_of_group(i / settings.group)));
        writer.finish();
        std::vector<int64_t> all(size_t(kGroups * settings.group));
        std::iota(all.begin(), all.end(), 0);
        std::vector<RgbFrame> frames;
        REQUIRE(VideoReader(folder.file(name)).read(all, frames));
        return frames;
    };
    const auto forwards = written("a.mp4", [](int group) { return group; });
    const auto other = written("b.mp4", [](int group) { return (5 * group + 3) % kGroups; });
    for (int i = 0; i < kGroups * settings.group; ++i) {
        const int same = (5 * (i / settings.group) + 3) % kGroups * settings.group + i % settings.group;
        INFO("frame " << i << " of groups of " << settings.group);
        CHECK(other[size_t(i)].data == forwards[size_t(same)].data);
    }
}

TEST_CASE("what cannot be a video is refused", "[video_writer]") {
    if (no_encoder()) return;
    const TemporaryFolder folder;
    const std::string path = folder.file("a.mp4");
    const auto with = [](auto change) {
        VideoSettings settings = of_size(64, 64);
        change(settings);
        return settings;
    };
    using S = VideoSettings;
    CHECK_THROWS_WITH(VideoWriter(path, with([](S &s) { s.width = 15; })), Contains("width 15; 16 to 8192 expected"));
    CHECK_THROWS_WITH(VideoWriter(path, with([](S &s) { s.height = 8193; })), Contains("height 8193"));
    CHECK_THROWS_WITH(VideoWriter(path, with([](S &s) { s.fps = 0; })), Contains("frames a second 0"));
    CHECK_THROWS_WITH(VideoWriter(path, with([](S &s) { s.qp = 52; })), Contains("qp 52; 0 to 51"));
    CHECK_THROWS_WITH(VideoWriter(path, with([](S &s) { s.group = 0; })), Contains("frames a group 0; 1 to 250"));
    for (const char *encoder : {"nosuch", "mpeg4", ""}) {
        CHECK_THROWS_WITH(VideoWriter(path, with([&](S &s) { s.encoder = encoder; })),
                          StartsWith(path + ": FFmpeg's libavcodec here has no H.264 encoder " + encoder));
    }
    VideoWriter writer(path, of_size(64, 64));
    CHECK_THROWS_WITH(writer.finish(), Contains("a video without frames"));
    CHECK_THROWS_WITH(writer.add(moving_frame(64, 63, 0)), Contains("frame 0 is 64 x 63"));
    CHECK_THROWS_WITH(writer.add(RgbFrame{64, 64, Bytes(5)}), Contains("5 bytes"));
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a video that cannot be written leaves nothing behind", "[video_writer]") {
    if (no_encoder()) return;
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(write_moving(folder.file("none/a.mp4"), of_size(64, 64), 2), Contains("cannot write: No such"));
    CHECK_THROWS_WITH(write_moving("/dev/full", of_size(64, 64), 2), Contains("No space left"));
    { VideoWriter begun(folder.file("a.mp4"), of_size(64, 64)); }
    VideoWriter given_up(folder.file("a.mp4"), of_size(64, 64));
    given_up.add(moving_frame(64, 64, 0));
    given_up = VideoWriter(folder.file("b.mp4"), of_size(64, 64));
    CHECK(std::filesystem::is_empty(folder.path()));
}

#endif
