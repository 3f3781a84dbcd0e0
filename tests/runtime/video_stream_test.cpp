// Video that arrives while it is read: windows, slow consumers, sources that fall silent.
#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/media_switches.h"
#include "runtime/video_reader.h"
#include "runtime/video_stream.h"
#include "tests/runtime/media_fixture.h"

using namespace afnet;
using namespace afnet_test;

#if AFNET_WITH_FFMPEG

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// 75 frames of 64 x 48 in a container that can be read from front to back.
void make_stream(const std::string &path) {
    ffmpeg("-f lavfi -i testsrc2=size=64x48:rate=30 -frames:v 75 -c:v libx264 -pix_fmt yuv420p -g 12 -bf 2 '" + path +
           "'");
}

std::vector<RgbFrame> all_frames(const std::string &path) {
    VideoReader reader(path);
    std::vector<int64_t> wanted;
    for (int64_t i = 0; i < reader.frame_count(); ++i)
        wanted.push_back(i);
    std::vector<RgbFrame> frames;
    REQUIRE(reader.read(wanted, frames));
    return frames;
}

StreamOptions lossless() {
    StreamOptions options;
    options.lossless = true;
    return options;
}

// Copies a file into a fifo, as another program would, and leaves it open for a while.
class Writer {
public:
    Writer(const std::string &from, const std::string &fifo, double silence)
        : thread_([=] {
              const Bytes bytes = read_bytes(from);
              const int out = ::open(fifo.c_str(), O_WRONLY);
              for (size_t at = 0; at < bytes.size();) {
                  const ssize_t n = ::write(out, bytes.data() + at, std::min<size_t>(bytes.size() - at, 4096));
                  if (n <= 0) break;
                  at += static_cast<size_t>(n);
              }
              std::this_thread::sleep_for(std::chrono::duration<double>(silence));
              ::close(out);
          }) {}
    ~Writer() { thread_.join(); }

private:
    std::thread thread_;
};

} // namespace

TEST_CASE("windows slide over all frames of a stream", "[video_stream]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    const std::string video = folder.file("a.ts");
    make_stream(video);
    const std::vector<RgbFrame> truth = all_frames(video);
    const struct {
        int frames, stride, spacing;
    } shapes[] = {{8, 4, 1}, {12, 12, 1}, {1, 1, 1}, {4, 30, 1}, {4, 2, 5}, {75, 1, 1}};
    for (const auto &shape : shapes) {
        INFO(shape.frames << " frames, stride " << shape.stride << ", spacing " << shape.spacing);
        VideoStream stream(video, lossless());
        int64_t begin = 0;
        int64_t windows = 0;
        while (const auto window = stream.next_window(shape.frames, shape.stride, shape.spacing)) {
            REQUIRE(window->frames.size() == size_t(shape.frames));
            for (int i = 0; i < shape.frames; ++i) {
                const int64_t number = begin + int64_t(i) * shape.spacing;
                REQUIRE(window->frame_numbers[size_t(i)] == number);
                REQUIRE(window->frames[size_t(i)].data == truth.at(size_t(number)).data);
            }
            begin += shape.stride;
            ++windows;
        }
        const int64_t span = int64_t(shape.spacing) * (shape.frames - 1) + 1;
        CHECK(windows == (75 - span) / shape.stride + 1);
        CHECK(stream.received_frames() == 75);
        CHECK(stream.dropped_frames() == 0);
        CHECK_FALSE(stream.next_window(shape.frames, shape.stride, shape.spacing));
        CHECK(stream.warnings().empty());
    }
}

TEST_CASE("a slow consumer gets the latest frames", "[video_stream]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_stream(folder.file("a.ts"));
    StreamOptions options;
    options.queue_frames = 5;
    VideoStream stream(folder.file("a.ts"), options);
    while (stream.received_frames() < 75)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto window = stream.next_window(5, 1);
    REQUIRE(window);
    CHECK(window->frame_numbers == std::vector<int64_t>{70, 71, 72, 73, 74});
    CHECK(stream.dropped_frames() == 70);
    CHECK_FALSE(stream.next_window(5, 1));
}

TEST_CASE("a fifo is read while it is written", "[video_stream]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_stream(folder.file("a.mkv"));
    const std::string fifo = folder.file("fifo");
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const std::vector<RgbFrame> truth = all_frames(folder.file("a.mkv"));
    const Writer writer(folder.file("a.mkv"), fifo, 0);
    VideoStream stream(fifo, lossless());
    int64_t next = 0;
    while (const auto window = stream.next_window(5, 5)) {
        for (const RgbFrame &frame : window->frames)
            CHECK(frame.data == truth.at(size_t(next++)).data);
    }
    CHECK(next == 75);
}

TEST_CASE("standard input is a source", "[video_stream]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_stream(folder.file("a.mkv"));
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int kept = ::dup(0);
    ::dup2(ends[0], 0);
    ::close(ends[0]);
    std::thread writer([&] {
        const Bytes bytes = read_bytes(folder.file("a.mkv"));
        CHECK(::write(ends[1], bytes.data(), bytes.size()) == ssize_t(bytes.size()));
        ::close(ends[1]);
    });
    int windows = 0;
    {
        VideoStream stream("-", lossless());
        while (stream.next_window(5, 5))
            ++windows;
    }
    writer.join();
    ::dup2(kept, 0);
    ::close(kept);
    CHECK(windows == 15);
}

TEST_CASE("a silent source can be left at any time", "[video_stream]") {
    if (missing_encoder("libx264")) return;
    const TemporaryFolder folder;
    make_stream(folder.file("a.ts"));
    const std::string fifo = folder.file("fifo");
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    SECTION("nobody ever writes") {
        const auto start = Clock::now();
        { const VideoStream stream(fifo); }
        CHECK(seconds_since(start) < 2);
    }
    SECTION("the writer falls silent after the first byte") {
        VideoStream stream(fifo);
        const int out = ::open(fifo.c_str(), O_WRONLY);
        REQUIRE(::write(out, "G", 1) == 1);
        std::thread stopper([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            stream.stop();
        });
        CHECK_FALSE(stream.next_window(4, 4));
        stopper.join();
        ::close(out);
    }
    SECTION("the writer falls silent in the middle, and the consumer is cancelled") {
        std::atomic<bool> cancelled{false};
        StreamOptions options = lossless();
        options.limits.cancelled = [&] { return cancelled.load(); };
        const Writer writer(folder.file("a.ts"), fifo, 1.0);
        VideoStream stream(fifo, options);
        std::thread canceller([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
            cancelled = true;
        });
        CHECK_THROWS_AS(([&] {
                            while (stream.next_window(4, 4)) {
                            }
                        }()),
                        Interrupted);
        canceller.join();
    }
    SECTION("the consumer leaves while a lossless source waits for it") {
        StreamOptions options = lossless();
        options.queue_frames = 1;
        const auto start = Clock::now();
        {
            VideoStream stream(folder.file("a.ts"), options);
            CHECK(stream.next_window(2, 1));
        }
        CHECK(seconds_since(start) < 2);
    }
}

TEST_CASE("sources that cannot be read say so", "[video_stream]") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(VideoStream(folder.file("missing")), Catch::Contains("No such file"));
    CHECK_THROWS_WITH(VideoStream(folder.path()), Catch::Contains("is a folder"));
    write_text(folder.file("text.ts"), "This is a letter and not a film.\n");
    CHECK_THROWS_WITH(VideoStream(folder.file("text.ts")).next_window(1, 1),
                      Catch::StartsWith(folder.file("text.ts") + ": "));
    write_text(folder.file("empty.ts"), "");
    CHECK_THROWS_AS(VideoStream(folder.file("empty.ts")).next_window(1, 1), Error);
    CHECK_THROWS_AS(VideoStream("/dev/null").next_window(1, 1), Error);
    VideoStream stream(folder.file("text.ts"));
    CHECK_THROWS_AS(stream.next_window(0, 1), Error);
    CHECK_THROWS_AS(stream.next_window(1, 0), Error);
    CHECK_THROWS_AS(stream.next_window(1, 1, 0), Error);
}

#else // AFNET_WITH_FFMPEG

TEST_CASE("a build without FFmpeg has no streams", "[video_stream]") {
    CHECK_THROWS_WITH(VideoStream("-"), Catch::Contains("no FFmpeg"));
}

#endif
