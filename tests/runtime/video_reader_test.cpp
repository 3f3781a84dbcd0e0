// Frames by number against the ffmpeg program decoding from start to end: bit for bit, over codecs and containers.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clip_sampler.h"
#include "runtime/clip_source.h"
#include "runtime/error.h"
#include "runtime/media_switches.h"
#include "runtime/video_reader.h"
#include "tests/runtime/media_fixture.h"

using namespace afnet;
using namespace afnet_test;

#if AFNET_WITH_FFMPEG

namespace {

struct Recipe {
    std::string name;
    std::string encoder; // that must be there
    std::string arguments;
    std::string file;
};

const std::string kMoving = "-f lavfi -i testsrc2=size=96x64:rate=30 -frames:v 75 ";
const std::string kOdd = "-f lavfi -i testsrc2=size=66x34:rate=30 -vf scale=33:17 -frames:v 40 ";
// Irregular times: most frames are missing.
const std::string kIrregular = "-f lavfi -i testsrc2=size=96x64:rate=30 -vf \"select='gt(random(5),0.6)'\" -vsync vfr "
                               "-frames:v 50 ";
const std::string kH264 = "-c:v libx264 -pix_fmt yuv420p ";

std::vector<Recipe> recipes() {
    return {
        {"H.264, key frames only", "libx264", kMoving + kH264 + "-g 1", "a.mp4"},
        {"H.264, GOP 12", "libx264", kMoving + kH264 + "-g 12 -bf 0", "a.mp4"},
        {"H.264, GOP 12, B frames", "libx264", kMoving + kH264 + "-g 12 -bf 3", "a.mp4"},
        {"H.264, GOP 250, B frames", "libx264", kMoving + kH264 + "-g 250 -bf 3", "a.mp4"},
        {"H.264, one frame", "libx264", "-f lavfi -i testsrc2=size=64x48 -frames:v 1 " + kH264, "a.mp4"},
        {"H.264, open GOP", "libx264", kMoving + kH264 + "-x264-params open-gop=1:keyint=10:bframes=3", "a.mp4"},
        {"H.264, intra refresh", "libx264", kMoving + kH264 + "-x264-params intra-refresh=1:keyint=15", "a.mp4"},
        {"H.264, several slices", "libx264", kMoving + kH264 + "-g 20 -bf 2 -slices 4", "a.mp4"},
        {"H.264, interlaced", "libx264", kMoving + kH264 + "-g 12 -flags +ildct+ilme -x264-params tff=1", "a.mp4"},
        {"H.264, Matroska", "libx264", kMoving + kH264 + "-g 12 -bf 3", "a.mkv"},
        {"H.264, fragments", "libx264", kMoving + kH264 + "-g 12 -movflags frag_keyframe+empty_moov", "a.mp4"},
        {"H.264, MPEG-TS", "libx264", kMoving + kH264 + "-g 12 -bf 3", "a.ts"},
        {"H.264, interlaced MPEG-TS", "libx264", kMoving + kH264 + "-flags +ildct+ilme -x264-params tff=1", "a.ts"},
        {"H.264, no container", "libx264", kMoving + kH264 + "-g 12 -bf 3", "a.h264"},
        {"H.264, FLV", "libx264", kMoving + kH264 + "-g 12 -bf 3", "a.flv"},
        {"H.264, AVI", "libx264", kMoving + kH264 + "-g 12 -bf 3", "a.avi"},
        {"H.264, irregular times", "libx264", kIrregular + kH264 + "-g 12 -bf 3", "a.mp4"},
        {"H.264, irregular times, Matroska", "libx264", kIrregular + kH264 + "-bf 3", "a.mkv"},
        {"H.264, odd size", "libx264", kOdd + "-c:v libx264 -pix_fmt yuv444p -g 12 -bf 3", "a.mp4"},
        {"H.264, 10 bit", "libx264", kMoving + "-c:v libx264 -pix_fmt yuv420p10le -g 12", "a.mp4"},
        {"H.264, 4:4:4", "libx264", kMoving + "-c:v libx264 -pix_fmt yuv444p -g 12", "a.mp4"},
        {"H.264, 4:2:2", "libx264", kMoving + "-c:v libx264 -pix_fmt yuv422p -g 12", "a.mp4"},
        {"H.264, RGB", "libx264rgb", kMoving + "-c:v libx264rgb -g 12", "a.mp4"},
        {"H.264, full range", "libx264", kMoving + "-c:v libx264 -pix_fmt yuvj420p -color_range pc", "a.mp4"},
        {"H.264, BT.709", "libx264", kMoving + kH264 + "-colorspace bt709 -color_primaries bt709 -color_trc bt709",
         "a.mp4"},
        {"H.264, BT.2020", "libx264", kMoving + kH264 + "-colorspace bt2020nc", "a.mp4"},
        {"HEVC, open GOP", "libx265", kMoving + "-c:v libx265 -x265-params log-level=error:keyint=12:bframes=3",
         "a.mp4"},
        {"HEVC, temporal layers", "libx265",
         kMoving + "-c:v libx265 -x265-params log-level=error:keyint=30:temporal-layers=1:bframes=3", "a.mkv"},
        {"VP8 with hidden frames", "libvpx", kMoving + "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -b:v 200k",
         "a.webm"},
        {"VP9", "libvpx-vp9", kMoving + "-c:v libvpx-vp9 -g 20 -cpu-used 8 -b:v 200k", "a.webm"},
        {"VP9, odd size", "libvpx-vp9", kOdd + "-c:v libvpx-vp9 -cpu-used 8 -b:v 200k", "a.webm"},
        {"VP9 in MP4", "libvpx-vp9", kMoving + "-c:v libvpx-vp9 -g 20 -cpu-used 8 -b:v 200k", "a.mp4"},
        {"AV1", "libsvtav1", kMoving + "-c:v libsvtav1 -preset 12 -g 20", "a.mp4"},
        {"MPEG-4", "mpeg4", kMoving + "-c:v mpeg4 -bf 2 -g 12", "a.mp4"},
        {"MPEG-4, AVI", "mpeg4", kMoving + "-c:v mpeg4 -bf 2 -g 12 -vtag xvid", "a.avi"},
        {"MPEG-4, odd size", "mpeg4", kOdd + "-c:v mpeg4 -bf 2", "a.avi"},
        {"Motion JPEG", "mjpeg", kMoving + "-c:v mjpeg -pix_fmt yuvj420p -q:v 3", "a.avi"},
        {"MPEG-2", "mpeg2video", kMoving + "-c:v mpeg2video -bf 2 -g 12", "a.mpg"},
        {"FFV1, RGB", "ffv1", kMoving + "-c:v ffv1 -pix_fmt bgr0", "a.mkv"},
        {"Theora", "libtheora", kMoving + "-c:v libtheora -q:v 5", "a.ogv"},
        {"WMV", "wmv2", kMoving + "-c:v wmv2", "a.wmv"},
        {"uncompressed", "rawvideo", kMoving + "-pix_fmt yuv420p", "a.y4m"},
    };
}

// Checks frames by number, in several orders and with several thresholds for jumps, against everything in order.
void check_planes(const std::string &video, const TemporaryFolder &folder) {
    const Bytes expected = decoded_planes(video, folder);
    for (int64_t seek_over : {int64_t(16) << 20, int64_t(0)}) {
        VideoOptions options;
        options.seek_over_bytes = seek_over;
        VideoReader reader(video, options);
        std::vector<PlanarFrame> frames;
        REQUIRE(reader.read_planes({0}, frames));
        const size_t bytes = frames.at(0).data.size();
        REQUIRE(bytes > 0);
        REQUIRE(expected.size() % bytes == 0);
        const auto count = static_cast<int64_t>(expected.size() / bytes);
        REQUIRE(reader.frame_count() == count);
        const auto check = [&](const std::vector<int64_t> &wanted) {
            REQUIRE(reader.read_planes(wanted, frames));
            REQUIRE(frames.size() == wanted.size());
            for (size_t i = 0; i < wanted.size(); ++i) {
                INFO("frame " << wanted[i] << " of " << count << ", jumps over " << seek_over);
                const uint8_t *truth = expected.data() + bytes * static_cast<size_t>(wanted[i]);
                REQUIRE(frames[i].data.size() == bytes);
                REQUIRE(std::equal(frames[i].data.begin(), frames[i].data.end(), truth));
            }
        };
        std::vector<int64_t> all;
        for (int64_t i = 0; i < count; ++i)
            all.push_back(i);
        check(all);
        for (int clip : {1, 3, 8, 12})
            check(pick_clip_frames(count, clip).frames);
        std::mt19937 random(7);
        for (int round = 0; round < 6; ++round) {
            std::shuffle(all.begin(), all.end(), random);
            check(std::vector<int64_t>(all.begin(), all.begin() + std::min<int64_t>(count, 5)));
        }
        check({count - 1, 0, count - 1});
        CHECK(reader.warnings().empty());
    }
}

void check_rgb(const std::string &video, const TemporaryFolder &folder, const std::string &turn = "null") {
    const Bytes expected = decoded_rgb(video, folder, turn);
    VideoReader reader(video);
    std::vector<int64_t> wanted = pick_clip_frames(reader.frame_count(), 4).frames;
    std::vector<RgbFrame> frames;
    REQUIRE(reader.read(wanted, frames));
    for (size_t i = 0; i < wanted.size(); ++i) {
        INFO("RGB of frame " << wanted[i]);
        const size_t bytes = frames[i].data.size();
        REQUIRE(bytes == size_t(3) * frames[i].width * frames[i].height);
        REQUIRE(expected.size() == bytes * static_cast<size_t>(reader.frame_count()));
        const uint8_t *truth = expected.data() + bytes * static_cast<size_t>(wanted[i]);
        REQUIRE(std::equal(frames[i].data.begin(), frames[i].data.end(), truth));
    }
}

} // namespace

TEST_CASE("frames by number are those of decoding in order, over codecs and containers", "[video_reader]") {
    for (const Recipe &recipe : recipes()) {
        DYNAMIC_SECTION(recipe.name) {
            if (missing_encoder(recipe.encoder)) return;
            const TemporaryFolder folder;
            const std::string video = folder.file(recipe.file);
            ffmpeg(recipe.arguments + " '" + video + "' 2>/dev/null");
            check_planes(video, folder);
            check_rgb(video, folder);
        }
    }
}

TEST_CASE("a cut by edit list shows only what is left", "[video_reader]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_plain_video(folder.file("whole.mp4"));
    for (const char *start : {"0.5", "1.2", "0.033"}) {
        INFO("cut at " << start);
        ffmpeg("-ss " + std::string(start) + " -i '" + folder.file("whole.mp4") + "' -c copy '" +
               folder.file("cut.mp4") + "'");
        check_planes(folder.file("cut.mp4"), folder);
    }
}

TEST_CASE("rotation is applied as players do", "[video_reader]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_plain_video(folder.file("upright.mp4"));
    const std::pair<int, std::string> turns[] = {
        {90, "transpose=cclock"}, {180, "hflip,vflip"}, {270, "transpose=clock"}};
    for (const auto &[angle, filter] : turns) {
        INFO("turned by " << angle);
        const std::string video = folder.file("turned.mp4");
        ffmpeg("-i '" + folder.file("upright.mp4") + "' -c copy -metadata:s:v rotate=" + std::to_string(angle) + " '" +
               video + "'");
        check_planes(video, folder);
        check_rgb(video, folder, filter);
        std::vector<RgbFrame> frames;
        REQUIRE(VideoReader(video).read({0}, frames));
        CHECK(frames[0].width == (angle == 180 ? 96 : 64));
        const Bytes played = played_rgb(video, folder);
        double difference = 0;
        for (size_t i = 0; i < frames[0].data.size(); ++i)
            difference += std::abs(frames[0].data[i] - played.at(i));
        CHECK(difference / double(frames[0].data.size()) < 15); // wrongly turned: 80 and more
    }
    ffmpeg("-i '" + folder.file("upright.mp4") + "' -c copy -metadata:s:v rotate=30 '" + folder.file("askew.mp4") +
           "'");
    VideoReader reader(folder.file("askew.mp4"));
    REQUIRE(reader.warnings().size() == 1);
    CHECK_THAT(reader.warnings()[0], Catch::Contains("turned by 30 degrees to the left"));
}

TEST_CASE("frames have the times at which they are shown", "[video_reader]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_plain_video(folder.file("a.mp4"));
    const VideoReader reader(folder.file("a.mp4"));
    for (int64_t i = 0; i < reader.frame_count(); ++i)
        CHECK(reader.frame_seconds(i) == Approx(i / 30.0));
    CHECK_THROWS_AS(reader.frame_seconds(75), Error);
    CHECK_THROWS_AS(reader.frame_seconds(-1), Error);
}

TEST_CASE("a clip is read from a video, with what the user should know", "[video_reader]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_plain_video(folder.file("a.mp4"));
    const DecodedClip clip = read_clip(folder.file("a.mp4"), 12);
    CHECK(clip.total_frames == 75);
    CHECK(clip.frames.size() == 12);
    CHECK(clip.frame_indices == pick_clip_frames(75, 12).frames);
    CHECK(clip.frame_pts_seconds.at(3) == Approx(double(clip.frame_indices[3]) / 30));
    CHECK(clip.warnings.empty());

    const DecodedClip short_clip = read_clip(folder.file("a.mp4"), 80);
    REQUIRE(short_clip.frames.size() == 80);
    CHECK(short_clip.frames[79].data == short_clip.frames[0].data);
    REQUIRE(short_clip.warnings.size() == 1);
    CHECK_THAT(short_clip.warnings[0], Catch::Contains("has 75 frames") && Catch::Contains("first frame 80 times"));
    CHECK_THROWS_AS(read_clip(folder.file("a.mp4"), 0), Error);
}

#else // AFNET_WITH_FFMPEG

TEST_CASE("a build without FFmpeg says so", "[video_reader]") {
    CHECK_THROWS_WITH(VideoReader("a.mp4"), Catch::Contains("no FFmpeg"));
}

#endif
