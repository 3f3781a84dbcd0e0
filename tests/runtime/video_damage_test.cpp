// Files that are no videos, that are damaged, or that ask for too much: an Error or a warning each, and nothing worse.
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "runtime/clip_source.h"
#include "runtime/error.h"
#include "runtime/media_switches.h"
#include "runtime/video_reader.h"
#include "tests/runtime/media_fixture.h"

using namespace afnet;
using namespace afnet_test;

#if AFNET_WITH_FFMPEG

TEST_CASE("what is no video is refused with the reason", "[video_damage]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    const auto refusal = [&](const std::string &path) -> std::string {
        try {
            const VideoReader reader(path);
            return "accepted";
        } catch (const Error &error) {
            CHECK_THAT(error.what(), Catch::StartsWith(path + ": ") && Catch::Contains("expected"));
            return error.what();
        }
    };
    CHECK_THAT(refusal(folder.file("missing.mp4")), Catch::Contains("No such file"));
    CHECK_THAT(refusal(folder.path()), Catch::Contains("not a regular file"));
    CHECK_THAT(refusal("/dev/null"), Catch::Contains("not a regular file"));
    write_text(folder.file("empty.mp4"), "");
    CHECK_THAT(refusal(folder.file("empty.mp4")), Catch::Contains("0 bytes"));
    write_text(folder.file("text.mp4"), "This is a letter and not a film.\n");
    CHECK_THAT(refusal(folder.file("text.mp4")), Catch::Contains("cannot be opened"));

    make_plain_video(folder.file("good.mp4"));
    write_text(folder.file("list.m3u8"),
               "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:3,\ngood.mp4\n"
               "#EXT-X-ENDLIST\n");
    CHECK_THAT(refusal(folder.file("list.m3u8")), Catch::Contains("not accepted") || Catch::Contains("recognised"));
    write_text(folder.file("list.ffconcat"), "ffconcat version 1.0\nfile 'good.mp4'\n");
    CHECK_THAT(refusal(folder.file("list.ffconcat")), Catch::Contains("\"concat\", which is not accepted"));
    write_text(folder.file("renamed.mp4"), "ffconcat version 1.0\nfile 'good.mp4'\n");
    CHECK_THAT(refusal(folder.file("renamed.mp4")), Catch::Contains("not accepted"));
    CHECK_THAT(refusal("concat:" + folder.file("good.mp4")), Catch::Contains("No such file"));
    CHECK_THAT(refusal("http://127.0.0.1:9/a.mp4"), Catch::Contains("No such file"));

    ffmpeg("-f lavfi -i sine -t 1 -c:a aac '" + folder.file("sound.m4a") + "'");
    CHECK_THAT(refusal(folder.file("sound.m4a")), Catch::Contains("no video stream"));
    ffmpeg("-f lavfi -i testsrc2=size=64x64 -frames:v 1 '" + folder.file("cover.png") + "'");
    ffmpeg("-i '" + folder.file("sound.m4a") + "' -i '" + folder.file("cover.png") +
           "' -map 0 -map 1 -c:a copy -c:v png -disposition:v:0 attached_pic '" + folder.file("album.m4a") + "'");
    CHECK_THAT(refusal(folder.file("album.m4a")), Catch::Contains("no video stream"));
    ffmpeg("-f lavfi -i testsrc2=size=64x64 -frames:v 3 -c:v png '" + folder.file("png.mkv") + "'");
    CHECK_THAT(refusal(folder.file("png.mkv")), Catch::Contains("\"png\", which this build does not decode"));
}

TEST_CASE("limits on size, number and time hold", "[video_damage]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_plain_video(folder.file("a.mp4"));
    VideoOptions options;
    options.limits.max_pixels = 96 * 64 - 1;
    CHECK_THROWS_WITH(VideoReader(folder.file("a.mp4"), options), Catch::Contains("96 x 64"));
    options = {};
    options.limits.max_frames = 74;
    CHECK_THROWS_WITH(VideoReader(folder.file("a.mp4"), options), Catch::Contains("more than 74 frames"));
    options = {};
    options.limits.seconds = 1e-9;
    CHECK_THROWS_WITH(VideoReader(folder.file("a.mp4"), options), Catch::Contains("took longer"));
    options = {};
    options.limits.cancelled = [] { return true; };
    CHECK_THROWS_AS(VideoReader(folder.file("a.mp4"), options), Interrupted);
    VideoReader reader(folder.file("a.mp4"));
    std::vector<RgbFrame> frames;
    CHECK_THROWS_WITH(reader.read({75}, frames), Catch::Contains("0 to 74 expected"));
    CHECK_THROWS_AS(reader.read({-1}, frames), Error);
    CHECK(reader.read({}, frames));
}

TEST_CASE("unusual names are just names", "[video_damage]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_plain_video(folder.file("a.mp4"));
    const Bytes bytes = read_bytes(folder.file("a.mp4"));
    for (const char *name : {"-x.mp4", "a:b.mp4", "http:x.mp4", "%03d.mp4", "new\nline.mp4", "\xff.mp4", "no ending"}) {
        INFO(name);
        write_bytes(folder.file(name), bytes);
        CHECK(VideoReader(folder.file(name)).frame_count() == 75);
    }
}

TEST_CASE("a file cut short anywhere gives fewer frames with a warning, or a refusal", "[video_damage]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    for (const char *name : {"a.mp4", "a.mkv", "a.avi", "a.ts"}) {
        make_plain_video(folder.file(name), std::string(name) == "a.mp4" ? "-movflags +faststart" : "");
        const Bytes whole = read_bytes(folder.file(name));
        int read = 0, refused = 0;
        for (size_t part = 1; part < 25; ++part) {
            const size_t length = whole.size() * part / 25;
            INFO(name << " cut to " << length << " of " << whole.size() << " bytes");
            const std::string cut = folder.file("cut-" + std::string(name));
            write_bytes(cut, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
            try {
                const DecodedClip clip = read_clip(cut, 4);
                ++read;
                CHECK(clip.frames.size() == 4);
                CHECK(clip.total_frames >= 1);
                CHECK(clip.total_frames <= 75);
                const bool told = clip.total_frames == 75 || !clip.warnings.empty() || std::string(name) == "a.ts";
                CHECK(told); // a transport stream has no end that could be missing
            } catch (const Error &error) {
                ++refused;
                CHECK_THAT(error.what(), Catch::StartsWith(cut + ": "));
            }
        }
        CHECK(read > 0);
    }
}

TEST_CASE("damage in the middle gives frames with a warning, or a refusal", "[video_damage]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    int warned = 0;
    for (const char *name : {"a.mp4", "a.mkv", "a.avi"}) {
        make_plain_video(folder.file(name));
        const Bytes whole = read_bytes(folder.file(name));
        std::mt19937 random(11);
        for (int round = 0; round < 40; ++round) {
            Bytes damaged = whole;
            const int hits = 1 + round % 8;
            for (int i = 0; i < hits; ++i) {
                const size_t at = random() % damaged.size();
                const size_t until = std::min(at + 1 + random() % 40, damaged.size());
                for (size_t j = at; j < until; ++j)
                    damaged[j] = static_cast<uint8_t>(round % 2 ? random() : 0);
            }
            const std::string path = folder.file("damaged-" + std::string(name));
            write_bytes(path, damaged);
            try {
                VideoOptions options;
                options.limits.seconds = 60;
                const DecodedClip clip = read_clip(path, 12, options);
                REQUIRE(clip.frames.size() == 12);
                for (const RgbFrame &frame : clip.frames) {
                    CHECK(frame.data.size() == size_t(3) * frame.width * frame.height);
                }
                warned += !clip.warnings.empty();
            } catch (const Error &error) {
                CHECK_THAT(error.what(), Catch::StartsWith(path + ": "));
            }
        }
    }
    CHECK(warned > 0);
}

#endif
