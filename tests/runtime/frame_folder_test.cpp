// Folders of frames: their order, what is refused, and pixels against the ffmpeg program's.
#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/clip_source.h"
#include "runtime/error.h"
#include "runtime/frame_folder.h"
#include "runtime/image_file.h"
#include "runtime/media_switches.h"
#include "runtime/png_writer.h"
#include "tests/runtime/media_fixture.h"

using namespace afnet;
using namespace afnet_test;

#if AFNET_WITH_IMAGES

namespace {

RgbFrame one_color(uint8_t level, int width = 6, int height = 4) {
    return {width, height, std::vector<uint8_t>(size_t(3) * width * height, level)};
}

// Frames whose level is their number.
void write_frames(const TemporaryFolder &folder, const std::vector<std::pair<std::string, int>> &files) {
    for (const auto &[name, level] : files)
        write_png(folder.file(name), one_color(static_cast<uint8_t>(level)));
}

std::vector<int> levels(FrameFolder &folder) {
    std::vector<int> result;
    for (int64_t i = 0; i < folder.frame_count(); ++i)
        result.push_back(folder.read(i).data.at(0));
    return result;
}

RgbFrame read(const std::string &path) {
    std::vector<std::string> warnings;
    RgbFrame frame = read_image(path, {}, warnings);
    CHECK(warnings.empty());
    return frame;
}

// A one by one grey progressive JPEG is too simple to damage: this is a real picture from the ffmpeg program.
Bytes jpeg_of_a_picture(const TemporaryFolder &folder) {
    ffmpeg("-f lavfi -i testsrc2=size=64x48 -frames:v 1 -q:v 3 '" + folder.file("picture.jpg") + "'");
    return read_bytes(folder.file("picture.jpg"));
}

} // namespace

TEST_CASE("frames follow their numbers, however they are written", "[frame_folder]") {
    const TemporaryFolder folder;
    write_frames(folder, {{"10.png", 10}, {"9.png", 9}, {"00011.png", 11}, {"1.png", 1}, {"002.PNG", 2}});
    FrameFolder frames(folder.path());
    CHECK(levels(frames) == std::vector<int>{1, 2, 9, 10, 11});
    REQUIRE(frames.warnings().size() == 1);
    CHECK_THAT(frames.warnings()[0], Catch::Contains("6 of the frame numbers 1 to 11 are missing"));
}

TEST_CASE("the names of the usual data sets are known", "[frame_folder]") {
    for (const std::string prefix : {"", "img_", "image_", "frame_", "any-thing "}) {
        INFO("prefix " << prefix);
        const TemporaryFolder folder;
        write_frames(folder, {{prefix + "00002.png", 2}, {prefix + "00001.png", 1}, {prefix + "00003.png", 3}});
        write_text(folder.file("notes.txt"), "no frame");
        write_text(folder.file("cover.jpg"), "no number, so no frame");
        FrameFolder frames(folder.path());
        CHECK(levels(frames) == std::vector<int>{1, 2, 3});
        CHECK(frames.warnings().empty());
        CHECK(frames.file(0) == folder.file(prefix + "00001.png"));
    }
}

TEST_CASE("colour frames are taken from beside optical flow", "[frame_folder]") {
    const TemporaryFolder folder;
    write_frames(folder, {{"flow_x_00001.png", 7}, {"flow_y_00001.png", 8}, {"img_00001.png", 1}});
    FrameFolder frames(folder.path());
    CHECK(levels(frames) == std::vector<int>{1});
    REQUIRE(frames.warnings().size() == 1);
    CHECK_THAT(frames.warnings()[0], Catch::Contains("\"flow_x_\", \"flow_y_\" are left out"));
}

TEST_CASE("folders that are no clip are refused", "[frame_folder]") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(FrameFolder(folder.path()), Catch::Contains("holds no frames"));
    CHECK_THROWS_WITH(FrameFolder(folder.file("missing")), Catch::Contains("cannot be listed"));
    write_text(folder.file("notes.txt"), "");
    write_text(folder.file("99999999999999999999.jpg"), "no frame number has that many digits");
    CHECK_THROWS_WITH(FrameFolder(folder.path()), Catch::Contains("holds no frames"));
    write_frames(folder, {{"a1.png", 1}, {"b1.png", 1}});
    CHECK_THROWS_WITH(FrameFolder(folder.path()), Catch::Contains("\"a\", \"b\""));
    const TemporaryFolder twice;
    write_frames(twice, {{"1.png", 1}, {"01.png", 1}});
    CHECK_THROWS_WITH(FrameFolder(twice.path()), Catch::Contains("two files for frame number 1"));
    const TemporaryFolder many;
    write_frames(many, {{"1.png", 1}, {"2.png", 2}, {"3.png", 3}});
    MediaLimits limits;
    limits.max_frames = 2;
    CHECK_THROWS_WITH(FrameFolder(many.path(), limits), Catch::Contains("more than 2 pictures"));
    FrameFolder frames(many.path());
    CHECK_THROWS_AS(frames.read(3), Error);
    CHECK_THROWS_AS(frames.read(-1), Error);
}

TEST_CASE("a clip is read from a folder", "[frame_folder]") {
    const TemporaryFolder folder;
    std::vector<std::pair<std::string, int>> files;
    for (int i = 1; i <= 30; ++i)
        files.emplace_back("img_" + std::to_string(i) + ".png", i);
    write_frames(folder, files);
    const DecodedClip clip = read_clip(folder.path(), 8);
    CHECK(clip.total_frames == 30);
    CHECK(clip.frame_indices == std::vector<int64_t>{1, 5, 9, 13, 16, 20, 24, 28});
    CHECK(clip.frame_pts_seconds.empty());
    REQUIRE(clip.frames.size() == 8);
    for (size_t i = 0; i < 8; ++i)
        CHECK(clip.frames[i].data.at(0) == clip.frame_indices[i] + 1);
    CHECK(clip.warnings.empty());

    // Repeated picks are decoded once: the file can be gone after that.
    const DecodedClip repeated = read_clip(folder.path(), 30);
    CHECK(repeated.frames.size() == 30);
    CHECK(repeated.frames[29].data.at(0) == 1);
    CHECK(repeated.warnings.size() == 1);
}

TEST_CASE("a damaged picture is named", "[frame_folder]") {
    const TemporaryFolder folder;
    write_frames(folder, {{"1.png", 1}, {"2.png", 2}});
    Bytes bytes = read_bytes(folder.file("2.png"));
    for (size_t length = 0; length < bytes.size(); ++length) {
        write_bytes(folder.file("2.png"), Bytes(bytes.begin(), bytes.begin() + std::ptrdiff_t(length)));
        FrameFolder frames(folder.path());
        CHECK_THROWS_WITH(frames.read(1), Catch::StartsWith(folder.file("2.png") + ": "));
    }
    write_text(folder.file("2.png"), "This is a letter.");
    CHECK_THROWS_WITH(FrameFolder(folder.path()).read(1), Catch::Contains("JPEG or PNG expected"));
}

TEST_CASE("a JPEG cut short or overwritten is refused or reported, never fatal", "[frame_folder]") {
    if (!has_ffmpeg()) {
        WARN("no ffmpeg program: not tested");
        return;
    }
    const TemporaryFolder folder;
    const Bytes bytes = jpeg_of_a_picture(folder);
    const std::string path = folder.file("1.jpg");
    for (size_t length = 0; length + 2 < bytes.size(); length += 1 + bytes.size() / 200) {
        INFO(length << " of " << bytes.size() << " bytes");
        write_bytes(path, Bytes(bytes.begin(), bytes.begin() + std::ptrdiff_t(length)));
        std::vector<std::string> warnings;
        CHECK_THROWS_WITH(read_image(path, {}, warnings), Catch::StartsWith(path + ": "));
    }
    int refused = 0, reported = 0;
    for (size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 300) {
        Bytes damaged = bytes;
        for (size_t i = at; i < std::min(at + 4, damaged.size()); ++i)
            damaged[i] ^= 0xff;
        write_bytes(path, damaged);
        std::vector<std::string> warnings;
        try {
            const RgbFrame frame = read_image(path, {}, warnings);
            CHECK(frame.data.size() == size_t(3) * frame.width * frame.height);
            reported += !warnings.empty();
        } catch (const Error &error) {
            CHECK_THAT(error.what(), Catch::StartsWith(path + ": "));
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(reported > 0);
}

TEST_CASE("pictures larger than allowed are refused before they are decoded", "[frame_folder]") {
    const TemporaryFolder folder;
    write_png(folder.file("1.png"), one_color(1, 100, 50));
    MediaLimits limits;
    limits.max_pixels = 4999;
    std::vector<std::string> warnings;
    CHECK_THROWS_WITH(read_image(folder.file("1.png"), limits, warnings), Catch::Contains("100 x 50"));
    limits.max_pixels = 5000;
    CHECK(read_image(folder.file("1.png"), limits, warnings).width == 100);
}

TEST_CASE("every kind of PNG becomes the same RGB as in ffmpeg", "[frame_folder]") {
    if (!has_ffmpeg()) {
        WARN("no ffmpeg program: not tested");
        return;
    }
    const TemporaryFolder folder;
    for (const char *format : {"rgb24", "gray", "pal8", "monob", "rgb48be", "gray16be -pred mixed"}) {
        INFO(format);
        const std::string path = folder.file("1.png");
        ffmpeg("-f lavfi -i testsrc2=size=66x34 -vf scale=33:17 -frames:v 1 -pix_fmt " + std::string(format) + " '" +
               path + "'");
        const RgbFrame frame = read(path);
        CHECK(frame.width == 33);
        CHECK(frame.height == 17);
        const std::string raw = folder.file("1.raw");
        ffmpeg("-i '" + path + "' -f rawvideo -pix_fmt rgb24 '" + raw + "'");
        const Bytes expected = read_bytes(raw);
        REQUIRE(frame.data.size() == expected.size());
        // Of 16 bits, ffmpeg rounds to 8 and Pillow, which is followed here, cuts.
        const int tolerance = std::string(format).find("16") != std::string::npos || std::string(format) == "rgb48be";
        for (size_t i = 0; i < expected.size(); ++i)
            REQUIRE(std::abs(frame.data[i] - expected[i]) <= tolerance);
    }
}

TEST_CASE("JPEG pixels are those of Pillow", "[frame_folder]") {
    const std::string folder = std::string(AFNET_FIXTURES) + "/jpeg";
    const RgbFrame frame = read(folder + "/frame.jpg");
    const RgbFrame expected = read(folder + "/frame.png");
    CHECK(frame.width == expected.width);
    CHECK(frame.data == expected.data);
}

TEST_CASE("JPEG in grey and in colour is read", "[frame_folder]") {
    if (!has_ffmpeg()) {
        WARN("no ffmpeg program: not tested");
        return;
    }
    const TemporaryFolder folder;
    for (const char *format : {"yuvj420p", "yuvj422p", "yuvj444p", "gray"}) {
        INFO(format);
        const std::string path = folder.file("1.jpg");
        ffmpeg("-f lavfi -i testsrc2=size=130x66 -vf scale=65:33 -frames:v 1 -q:v 2 -pix_fmt " + std::string(format) +
               " '" + path + "'");
        const RgbFrame frame = read(path);
        CHECK(frame.width == 65);
        CHECK(frame.height == 33);
        ffmpeg("-i '" + path + "' -f rawvideo -pix_fmt rgb24 '" + folder.file("1.raw") + "'");
        const Bytes expected = read_bytes(folder.file("1.raw"));
        REQUIRE(frame.data.size() == expected.size());
        double difference = 0; // another transform and another chroma interpolation: alike, not equal
        for (size_t i = 0; i < expected.size(); ++i)
            difference += std::abs(frame.data[i] - expected[i]);
        CHECK(difference / double(expected.size()) < 12);
    }
}

#else // AFNET_WITH_IMAGES

TEST_CASE("a build without image codecs says so", "[frame_folder]") {
    std::vector<std::string> warnings;
    CHECK_THROWS_WITH(read_image("1.png", {}, warnings), Catch::Contains("no image codecs"));
    CHECK_THROWS_WITH(encode_png({}), Catch::Contains("no image codecs"));
}

#endif
