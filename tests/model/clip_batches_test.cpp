// Batches of clips: what is in them, that nothing but the options decides it, and what happens to clips that cannot be
// read.
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "model/clip_batches.h"
#include "runtime/error.h"
#include "runtime/media_switches.h"
#include "runtime/png_writer.h"
#include "runtime/video_writer.h"
#include "tests/kernel_targets.h"
#include "tests/temporary_folder.h"

using namespace afnet;
using Catch::Contains;

#if AFNET_WITH_IMAGES

namespace {

constexpr int kSide = 16;

KernelStore &kernels() {
    static KernelStore store(AFNET_KERNEL_DIR, runnable_targets().back());
    return store;
}

// Folders of frames that say which they are: red is the clip's number, green the frame's, and blue grows to the right.
class Clips {
public:
    explicit Clips(const std::vector<int> &frames) {
        for (size_t clip = 0; clip < frames.size(); ++clip) {
            const std::string folder = folder_.file("clip" + std::to_string(clip));
            std::filesystem::create_directory(folder);
            for (int f = 0; f < frames[clip]; ++f) {
                RgbFrame frame = {kSide, kSide, {}};
                for (int i = 0; i < kSide * kSide; ++i) {
                    frame.data.insert(frame.data.end(), {uint8_t(clip), uint8_t(f), uint8_t(i % kSide * 10)});
                }
                write_png(folder + "/" + std::to_string(f + 1) + ".png", frame);
            }
            list_.push_back({folder, int(clip) % 5, 0, ""});
        }
    }
    std::vector<ListedClip> list() const { return list_; }
    // No longer a picture.
    void damage(size_t clip, int frame = 1) const {
        std::ofstream(list_[clip].path + "/" + std::to_string(frame) + ".png") << "no picture";
    }
    void remove(size_t clip) const { std::filesystem::remove_all(list_[clip].path); }

private:
    TemporaryFolder folder_;
    std::vector<ListedClip> list_;
};

std::vector<int> same_length(size_t clips, int frames) {
    return std::vector<int>(clips, frames);
}

BatchOptions options_of(bool train, int clips_per_batch = 3) {
    BatchOptions options;
    options.clip.frames = 4;
    options.clip.size = kSide;
    options.clip.crop = Crop::Whole;
    options.clip.train = train;
    options.clip.seed = 5;
    options.clips_per_batch = clips_per_batch;
    return options;
}

std::vector<ClipBatch> rest_of_epoch(ClipBatches &batches) {
    std::vector<ClipBatch> all;
    for (ClipBatch batch; batches.next(batch); batch = {})
        all.push_back(batch);
    return all;
}

std::vector<ClipBatch> epoch_of(const std::vector<ListedClip> &list, const BatchOptions &options, uint32_t epoch,
                                size_t first = 0) {
    ClipBatches batches(kernels(), list, options);
    batches.start(epoch, first);
    return rest_of_epoch(batches);
}

std::vector<size_t> samples_of(const std::vector<ClipBatch> &batches) {
    std::vector<size_t> samples;
    for (const ClipBatch &batch : batches)
        samples.insert(samples.end(), batch.samples.begin(), batch.samples.end());
    return samples;
}

int level(float value, int channel) {
    const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
    return int(std::lround((value * deviation[channel] + mean[channel]) * 255));
}

// The numbers of the frames that clip `i` of a batch shows, once it is sure that they are of the right clip.
std::vector<int> shown(const ClipBatch &batch, size_t i, int frames = 4) {
    std::vector<int> numbers;
    for (int t = 0; t < frames; ++t) {
        const float *pixels = &batch.pixels[(i * size_t(frames) + size_t(t)) * 3 * kSide * kSide];
        REQUIRE(level(pixels[0], 0) == int(batch.samples[i]));
        numbers.push_back(level(pixels[1], 1));
    }
    return numbers;
}

void check_equal(const std::vector<ClipBatch> &a, const std::vector<ClipBatch> &b) {
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i) {
        CHECK(a[i].samples == b[i].samples);
        CHECK(a[i].labels == b[i].labels);
        CHECK(a[i].pixels == b[i].pixels);
    }
}

} // namespace

TEST_CASE("evaluation reads the list in order, to its end, by the rule of evaluation", "[clip_batches]") {
    const Clips clips({9, 4, 5, 20, 1, 9, 9});
    ClipBatches batches(kernels(), clips.list(), options_of(false));
    CHECK(batches.batches() == 3);
    batches.start(0);
    const auto all = rest_of_epoch(batches);
    REQUIRE(all.size() == 3);
    CHECK(samples_of(all) == std::vector<size_t>{0, 1, 2, 3, 4, 5, 6});
    CHECK(all[2].samples.size() == 1);
    CHECK(all[2].pixels.size() == 4 * 3 * kSide * kSide);
    CHECK(all[0].labels == std::vector<int>{0, 1, 2});
    CHECK(all[1].labels == std::vector<int>{3, 4, 0});
    CHECK(shown(all[0], 0) == std::vector<int>{1, 3, 5, 7});
    CHECK(shown(all[0], 1) == std::vector<int>{0, 0, 0, 0});
    CHECK(shown(all[1], 0) == std::vector<int>{2, 7, 12, 17});
    CHECK(shown(all[1], 1) == std::vector<int>{0, 0, 0, 0});
    ClipBatch batch;
    CHECK_FALSE(batches.next(batch));
    CHECK(batches.faults().empty());
}

TEST_CASE("training reads whole batches of a permutation, and frames of random segments", "[clip_batches]") {
    const Clips clips(same_length(11, 16));
    ClipBatches batches(kernels(), clips.list(), options_of(true));
    CHECK(batches.batches() == 3);
    std::set<std::vector<size_t>> orders;
    std::set<std::vector<int>> picks;
    for (uint32_t epoch = 0; epoch < 4; ++epoch) {
        batches.start(epoch);
        const auto all = rest_of_epoch(batches);
        const auto samples = samples_of(all);
        REQUIRE(samples.size() == 9);
        CHECK(std::set<size_t>(samples.begin(), samples.end()).size() == 9);
        orders.insert(samples);
        const auto order = epoch_order(11, 5, epoch);
        CHECK(std::equal(samples.begin(), samples.end(), order.begin()));
        for (const ClipBatch &batch : all) {
            for (size_t i = 0; i < 3; ++i) {
                CHECK(batch.labels[i] == int(batch.samples[i]) % 5);
                const auto frames = shown(batch, i);
                picks.insert(frames);
                for (int t = 0; t < 4; ++t)
                    REQUIRE(frames[size_t(t)] / 4 == t);
            }
        }
    }
    CHECK(orders.size() == 4);
    CHECK(picks.size() > 25); // of 36, out of 256
}

TEST_CASE("an epoch's order is a permutation, each alike", "[clip_batches]") {
    int first[4] = {};
    for (uint32_t epoch = 0; epoch < 4000; ++epoch) {
        const auto order = epoch_order(4, 9, epoch);
        REQUIRE(std::set<uint32_t>(order.begin(), order.end()) == std::set<uint32_t>{0, 1, 2, 3});
        first[order[0]]++;
    }
    for (const int count : first)
        CHECK(std::abs(count - 1000) < 140); // five deviations
    CHECK(epoch_order(100, 1, 0) != epoch_order(100, 2, 0));
    CHECK(epoch_order(1, 1, 0) == std::vector<uint32_t>{0});
}

TEST_CASE("threads, queue, cache and where the epoch began change no bit", "[clip_batches]") {
    const Clips clips(same_length(14, 9));
    BatchOptions options = options_of(true, 2);
    options.clip.augmentation = {true, true};
    options.threads = options.queue = 1;
    const auto expected = epoch_of(clips.list(), options, 3);
    REQUIRE(expected.size() == 7);
    for (const int threads : {2, 5}) {
        for (const int queue : {1, 4}) {
            for (const size_t cache : {size_t(0), size_t(20000), size_t(1) << 30}) {
                options.threads = threads;
                options.queue = queue;
                options.cache_bytes = cache;
                ClipBatches batches(kernels(), clips.list(), options);
                for (int run = 0; run < 2; ++run) { // the second time from the cache
                    batches.start(3);
                    check_equal(rest_of_epoch(batches), expected);
                }
                CHECK(batches.cached_bytes() <= cache);
            }
        }
    }
    for (const size_t first : {size_t(1), size_t(6), size_t(7)}) {
        check_equal(epoch_of(clips.list(), options, 3, first),
                    std::vector<ClipBatch>(expected.begin() + long(first), expected.end()));
    }
    CHECK(epoch_of(clips.list(), options, 4)[0].pixels != expected[0].pixels);
    options.clip.seed = 6;
    CHECK(epoch_of(clips.list(), options, 3)[0].pixels != expected[0].pixels);
}

TEST_CASE("half of the clips are flipped, and none in evaluation", "[clip_batches]") {
    const Clips clips(same_length(12, 4));
    BatchOptions options = options_of(true, 12);
    options.clip.augmentation.flip = true;
    int flipped = 0;
    ClipBatches batches(kernels(), clips.list(), options);
    for (uint32_t epoch = 0; epoch < 20; ++epoch) {
        batches.start(epoch);
        ClipBatch batch;
        REQUIRE(batches.next(batch));
        for (size_t i = 0; i < 12; ++i) {
            const float *pixels = &batch.pixels[i * 4 * 3 * kSide * kSide];
            flipped += level(pixels[2], 2) == (kSide - 1) * 10;
            for (int t = 1; t < 4; ++t) // all frames of a clip alike
                REQUIRE(pixels[2] == pixels[size_t(t) * 3 * kSide * kSide + 2]);
        }
    }
    CHECK(std::abs(flipped - 120) < 39); // of 240, five deviations
    options.clip.train = false;
    options.clip.augmentation.multi_scale = true;
    const auto plain = epoch_of(clips.list(), options, 0);
    for (size_t i = 0; i < 12; ++i)
        CHECK(level(plain[0].pixels[i * 4 * 3 * kSide * kSide + 2], 2) == 0);
}

TEST_CASE("a flipped clip has its mirrored class, and some classes are not flipped", "[clip_batches]") {
    const Clips clips(same_length(10, 4)); // of classes 0 to 4
    BatchOptions options = options_of(true, 10);
    options.clip.augmentation.flip = true;
    options.clip.augmentation.mirrored = {1, 0, 2, -1, 4};
    std::map<int, int> flipped;
    ClipBatches batches(kernels(), clips.list(), options);
    for (uint32_t epoch = 0; epoch < 10; ++epoch) {
        batches.start(epoch);
        ClipBatch batch;
        REQUIRE(batches.next(batch));
        for (size_t i = 0; i < 10; ++i) {
            const bool mirrored = level(batch.pixels[i * 4 * 3 * kSide * kSide + 2], 2) == (kSide - 1) * 10;
            const int listed = int(batch.samples[i]) % 5;
            CHECK(batch.labels[i] == (mirrored && listed < 2 ? 1 - listed : listed));
            flipped[listed] += mirrored;
        }
    }
    CHECK(flipped[3] == 0);
    for (int label : {0, 1, 2, 4})
        CHECK(flipped[label] > 0); // of 20
}

TEST_CASE("frames behind those that a list counts are not shown", "[clip_batches]") {
    const Clips clips({20, 20});
    auto list = clips.list();
    list[0].frames = 9;
    list[1].frames = 50; // more than there are
    const auto all = epoch_of(list, options_of(false), 0);
    CHECK(shown(all[0], 0) == std::vector<int>{1, 3, 5, 7});
    CHECK(shown(all[0], 1) == std::vector<int>{2, 7, 12, 17});
}

TEST_CASE("clips that cannot be read are left out of evaluation, counted and named", "[clip_batches]") {
    const Clips clips(same_length(7, 9));
    clips.damage(1, 2);
    clips.remove(3);
    clips.remove(4);
    clips.remove(5);
    clips.damage(6, 9); // a frame that the rule does not choose
    ClipBatches batches(kernels(), clips.list(), options_of(false));
    for (int run = 0; run < 2; ++run) {
        batches.start(0);
        const auto all = rest_of_epoch(batches);
        REQUIRE(all.size() == 2); // the one in the middle had none
        CHECK(all[0].samples == std::vector<size_t>{0, 2});
        CHECK(all[0].labels == std::vector<int>{0, 2});
        CHECK(all[0].pixels.size() == 2 * 4 * 3 * kSide * kSide);
        CHECK(shown(all[0], 1) == std::vector<int>{1, 3, 5, 7});
        CHECK(all[1].samples == std::vector<size_t>{6});
        const auto faults = batches.faults();
        REQUIRE(faults.size() == 4);
        CHECK(faults[0].sample == 1);
        CHECK_THAT(faults[0].message, Contains("clip1/2.png"));
        CHECK(faults[1].sample == 3);
        CHECK(faults[1].path == clips.list()[3].path);
        CHECK_THAT(faults[1].message, Contains("clip3"));
    }
}

TEST_CASE("clips that cannot be read are replaced in training, the same way every time", "[clip_batches]") {
    const Clips clips(same_length(9, 8));
    for (const size_t clip : {0, 4, 5})
        clips.remove(clip);
    BatchOptions options = options_of(true);
    ClipBatches batches(kernels(), clips.list(), options);
    batches.start(1);
    const auto all = rest_of_epoch(batches);
    REQUIRE(samples_of(all).size() == 9);
    for (const ClipBatch &batch : all) {
        for (size_t i = 0; i < 3; ++i) {
            CHECK(batch.labels[i] == int(batch.samples[i]) % 5);
            shown(batch, i);
            CHECK((batch.samples[i] != 0 && batch.samples[i] != 4 && batch.samples[i] != 5));
        }
    }
    CHECK(batches.faults().size() == 3);
    options.threads = 4;
    check_equal(epoch_of(clips.list(), options, 1), all);
    check_equal(epoch_of(clips.list(), options, 1, 2), {all[2]});
}

TEST_CASE("where asked for, a clip that cannot be read ends the run, by name", "[clip_batches]") {
    const Clips clips(same_length(9, 8));
    clips.remove(4);
    clips.remove(5);
    for (const bool train : {false, true}) {
        for (const int threads : {1, 4}) {
            BatchOptions options = options_of(train);
            options.skip_unreadable = false;
            options.threads = threads;
            ClipBatches batches(kernels(), clips.list(), options);
            batches.start(0);
            CHECK_THROWS_WITH(rest_of_epoch(batches), Contains("cannot be read:") && Contains("clip"));
            ClipBatch batch;
            CHECK_FALSE(batches.next(batch));
            batches.start(0); // and again
            CHECK_THROWS_AS(rest_of_epoch(batches), Error);
        }
    }
}

TEST_CASE("a list of which nothing can be read is an error", "[clip_batches]") {
    const Clips clips(same_length(4, 8));
    for (size_t clip = 0; clip < 4; ++clip)
        clips.remove(clip);
    CHECK_THROWS_WITH(epoch_of(clips.list(), options_of(true), 0), Contains("could not be read"));
    CHECK_THROWS_WITH(epoch_of(clips.list(), options_of(false), 0), Contains("4 clips cannot be read"));
}

TEST_CASE("the queue is bounded, and is filled while nobody asks", "[clip_batches]") {
    const Clips clips(same_length(12, 4));
    for (const int queue : {1, 3}) {
        BatchOptions options = options_of(true, 1);
        options.queue = queue;
        options.threads = 4;
        ClipBatches batches(kernels(), clips.list(), options);
        batches.start(0);
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (batches.most_queued() < size_t(queue) && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        CHECK(rest_of_epoch(batches).size() == 12);
        CHECK(batches.most_queued() == size_t(queue));
    }
}

TEST_CASE("reading can be given up at any time and begun again", "[clip_batches]") {
    const Clips clips(same_length(12, 9));
    BatchOptions options = options_of(true, 2);
    options.threads = 3;
    const auto expected = epoch_of(clips.list(), options, 2);
    ClipBatches batches(kernels(), clips.list(), options);
    ClipBatch batch;
    CHECK_FALSE(batches.next(batch)); // nothing was begun
    for (uint32_t i = 0; i < 12; ++i) {
        batches.start(i, i % 7);
        for (uint32_t k = 0; k < i % 4; ++k)
            batches.next(batch);
        if (i % 3 == 0) {
            batches.stop();
            CHECK_FALSE(batches.next(batch));
        }
    }
    batches.start(2);
    check_equal(rest_of_epoch(batches), expected);
    CHECK(batches.faults().empty()); // what was given up is no fault
    CHECK_THROWS_WITH(batches.start(0, 7), Contains("6 batches"));
    for (int i = 0; i < 10; ++i) {
        ClipBatches ended(kernels(), clips.list(), options);
        ended.start(0);
        if (i % 2) ended.next(batch);
    }
}

TEST_CASE("cancelled reading ends as interrupted", "[clip_batches]") {
    const Clips clips(same_length(6, 9));
    BatchOptions options = options_of(true);
    std::atomic<bool> cancelled{false};
    options.clip.video.limits.cancelled = [&] { return cancelled.load(); };
    ClipBatches batches(kernels(), clips.list(), options);
    batches.start(0);
    ClipBatch batch;
    CHECK(batches.next(batch));
    cancelled = true;
    batches.start(0);
    CHECK_THROWS_AS(batches.next(batch), Interrupted);
    CHECK(batches.faults().empty());
}

TEST_CASE("frames in the cache are not read again", "[clip_batches]") {
    for (const bool train : {false, true}) {
        const Clips clips(same_length(6, 16));
        BatchOptions options = options_of(train);
        options.cache_bytes = size_t(1) << 30;
        const auto second = epoch_of(clips.list(), options, 1);
        ClipBatches batches(kernels(), clips.list(), options);
        batches.start(0);
        rest_of_epoch(batches);
        CHECK(batches.cached_bytes() == size_t(6 * (train ? 16 : 4) * 3 * kSide * kSide));
        for (size_t clip = 0; clip < 6; ++clip)
            clips.remove(clip);
        batches.start(1);
        check_equal(rest_of_epoch(batches), second);
        CHECK(batches.faults().empty());
    }
    // Longer videos would hold too much at once in training.
    const Clips longer(same_length(3, 17));
    BatchOptions options = options_of(true);
    options.cache_bytes = size_t(1) << 30;
    ClipBatches batches(kernels(), longer.list(), options);
    batches.start(0);
    rest_of_epoch(batches);
    CHECK(batches.cached_bytes() == 0);
}

TEST_CASE("options that make no sense are refused", "[clip_batches]") {
    const Clips clips(same_length(2, 4));
    const auto refused = [&](const std::string &what, const std::function<void(BatchOptions &)> &change) {
        BatchOptions options = options_of(true, 2);
        change(options);
        INFO(what);
        CHECK_THROWS_WITH(ClipBatches(kernels(), clips.list(), options), Contains(what));
    };
    refused("frames", [](BatchOptions &o) { o.clip.frames = 0; });
    refused("size", [](BatchOptions &o) { o.clip.size = 0; });
    refused("clips per batch", [](BatchOptions &o) { o.clips_per_batch = 0; });
    refused("threads", [](BatchOptions &o) { o.threads = 0; });
    refused("queue", [](BatchOptions &o) { o.queue = 0; });
    refused("2 clips does not fill a batch of 3", [](BatchOptions &o) { o.clips_per_batch = 3; });
    CHECK_THROWS_WITH(ClipBatches(kernels(), {}, options_of(false)), Contains("clips in the list is 0"));
}

#if AFNET_WITH_FFMPEG
TEST_CASE("videos are read as by themselves", "[clip_batches]") {
    const TemporaryFolder folder;
    const std::string path = folder.file("moving picture.mp4");
    VideoSettings video;
    video.width = video.height = 32;
    video.group = 5;
    VideoWriter writer(path, video);
    for (int f = 0; f < 20; ++f) {
        RgbFrame frame = {32, 32, {}};
        for (int i = 0; i < 32 * 32; ++i)
            frame.data.insert(frame.data.end(), {uint8_t(f * 12), uint8_t(i / 32 * 8), uint8_t(i % 32 * 8)});
        writer.add(frame);
    }
    writer.finish();
    std::ofstream(folder.file("list.txt")) << "moving picture.mp4 3\n";
    const auto list = read_clip_list(folder.file("list.txt"));
    BatchOptions options = options_of(false);
    options.clip.crop = Crop::Evaluation;
    const auto all = epoch_of(list, options, 0);
    REQUIRE(all.size() == 1);
    CHECK(all[0].labels == std::vector<int>{3});

    std::vector<float> expected;
    Preprocessor preprocessor(kernels(), evaluation_crop(kSide));
    for (const RgbFrame &frame : read_clip(path, 4).frames) {
        const float *pixels = preprocessor.run(frame);
        expected.insert(expected.end(), pixels, pixels + 3 * kSide * kSide);
    }
    CHECK(all[0].pixels == expected);

    std::filesystem::resize_file(path, 500); // no index any more
    ClipBatches batches(kernels(), list, options);
    batches.start(0);
    ClipBatch batch;
    CHECK_THROWS_WITH(batches.next(batch), Contains("moving picture.mp4"));
}
#endif

#endif
