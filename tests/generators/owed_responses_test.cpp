// Streams whose rejected pixels get the branches' responses late, against streams that get them at once: wherever a
// block reads one, and at the module's end, they are the same.
#include <catch2/catch.hpp>
#include <cmath>

#include "model/recipe.h"
#include "tests/generators/layer.h"
#include "tests/generators/tile_lists.h"
#include "tests/generators/zero_response.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/reference/operators.h"

using namespace afnet;

namespace {

// What one focal block decides; everything else follows from it.
struct Decision {
    reference::SpatialMask patches;
    std::vector<int> frames;
    bool whole, relu;

    bool computes(int x, int y, int f, const Tensor4 &stream) const {
        return frames[size_t(f)] != 0 && (whole || patches.selects(x, y, f, stream.x, stream.y));
    }
};

struct Module {
    int channels, width, height, clips, frames_per_clip;
    bool shift;
    std::vector<Decision> blocks;

    int frames() const { return clips * frames_per_clip; }
    int groups() const { return shift ? 8 : 1; }
    int parts() const { return shift ? 3 : 1; }
};

std::vector<double> response(const Module &module, size_t block) {
    return random_frames(module.channels, 1, 1, 1, "response", block + 1).data;
}

double end(double value, bool relu) {
    return relu ? std::max(value, 0.0) : value;
}

// What a block makes of pixels that it computes, and what finishes rejected frames: any change will do.
void compute(Tensor4 &stream, const Decision &block) {
    for (int f = 0; f < stream.f; f++) {
        for (int y = 0; y < stream.y; y++) {
            for (int x = 0; x < stream.x; x++) {
                const bool computed = block.computes(x, y, f, stream);
                if (!computed && block.frames[size_t(f)] != 0) continue;
                double *pixel = stream.pixel(x, y, f);
                for (int c = 0; c < stream.c; c++)
                    pixel[c] = end(computed ? .5 - pixel[c] : pixel[c] - .25, block.relu);
            }
        }
    }
}

void respond(Tensor4 &stream, const Decision &block, const std::vector<double> &response) {
    for (int f = 0; f < stream.f; f++) {
        for (int y = 0; y < stream.y; y++) {
            for (int x = 0; x < stream.x; x++) {
                if (block.frames[size_t(f)] == 0 || block.computes(x, y, f, stream)) continue;
                double *pixel = stream.pixel(x, y, f);
                for (int c = 0; c < stream.c; c++)
                    pixel[c] = end(pixel[c] + response[size_t(c)], block.relu);
            }
        }
    }
}

// The largest difference of what the block reads: its pixels, with TSM the first eighth of the next frame's and the
// second of the previous one's, and frames that it rejects.
double difference_read(const Module &module, const Decision &block, const Tensor4 &late, const Tensor4 &at_once) {
    double largest = 0;
    const auto compare = [&](int x, int y, int f, int begin, int count) {
        for (int c = begin; c < begin + count; c++) {
            const double difference = std::abs(late.pixel(x, y, f)[c] - at_once.pixel(x, y, f)[c]);
            largest = difference <= largest ? largest : difference; // NaN counts
        }
    };
    const int eighth = module.channels / 8, frames = module.frames_per_clip;
    for (int f = 0; f < module.frames(); f++) {
        for (int y = 0; y < module.height; y++) {
            for (int x = 0; x < module.width; x++) {
                const bool computed = block.computes(x, y, f, at_once);
                if (computed || block.frames[size_t(f)] == 0) compare(x, y, f, 0, module.channels);
                if (!computed || !module.shift) continue;
                if (f % frames + 1 < frames) compare(x, y, f + 1, 0, eighth);
                if (f % frames > 0) compare(x, y, f - 1, eighth, eighth);
            }
        }
    }
    return largest;
}

class LateStream {
public:
    LateStream(const Module &module, const Tensor4 &stream, const Target &target)
        : module_(module), memory_(stream), store_(test_kernel_store(target)), owed_(none()) {}

    Tensor4 values() const { return memory_.values(); }
    void set(const Tensor4 &values) { memory_ = FrameMemory(values); }

    void settle(const Decision *block) {
        FloatBuffer table = responses();
        KernelCall call(kernel(KernelSpec("settle_patches").set("all", block == nullptr)));
        call.bind("state", memory_.view(module_.groups()))
            .bind("owed", owed_)
            .bind("responses", table)
            .bind("output", memory_.view(module_.groups()));
        if (block) decide(call, *block);
        call.run();
        CHECK(memory_.surroundings_intact());
    }

    void owe(const Decision &block, int number) {
        IntBuffer before = owed_, after = none();
        KernelCall call(kernel(KernelSpec("owe_patches")));
        decide(call, block);
        call.bind("before", before).bind("output", after).set("response", number).run();
        owed_ = after;
        composed_.push_back(&block);
    }

    /// F(0) of rejected frames, `map`, where a block owes it.
    Tensor4 mean(const Tensor4 &coarse, const Tensor4 *map, const std::vector<int> &mask) {
        FrameMemory low(coarse), residual(map ? distinct_pixels(*map, 3) : coarse);
        FrameMemory out = FrameMemory::unwritten(module_.channels, 1, 1, module_.frames());
        FloatBuffer table = responses();
        IntBuffer selected = integers(mask, {module_.frames()});
        KernelCall call(kernel(with_rejected(KernelSpec("owed_mean"), map)));
        call.bind("input", memory_.view(module_.groups()))
            .bind("coarse", low.view(module_.groups()))
            .bind("owed", owed_)
            .bind("responses", table)
            .bind("output", out.view(module_.groups()).sliced(3, 0).sliced(2, 0));
        if (map) call.bind("residual", residual.view(module_.groups())).bind("mask", selected);
        call.run();
        CHECK(out.surroundings_intact());
        return out.values();
    }

    void fuse(const Tensor4 &ample, const Tensor4 &theta, const Tensor4 *map, const std::vector<int> &mask,
              const char *activation) {
        FrameMemory low(ample), weights(theta), residual(map ? distinct_pixels(*map, 3) : ample);
        FloatBuffer table = responses();
        IntBuffer selected = integers(mask, {module_.frames()});
        KernelCall call(kernel(with_rejected(activated("fuse_owed_branches", activation), map)));
        call.bind("ample", low.view(module_.groups()))
            .bind("focal", memory_.view(module_.groups()))
            .bind("theta", weights.view(module_.groups()).sliced(3, 0).sliced(2, 0))
            .bind("owed", owed_)
            .bind("responses", table)
            .bind("output", memory_.view(module_.groups()));
        if (map) call.bind("residual", residual.view(module_.groups())).bind("mask", selected);
        call.run();
        CHECK(memory_.surroundings_intact());
    }

private:
    static KernelSpec with_rejected(KernelSpec spec, const Tensor4 *map) {
        return map ? spec.set("response", 3) : spec;
    }

    const Kernel &kernel(KernelSpec spec) { return store_.kernel(spec.set("shift", module_.shift), kSpatialLibrary); }

    IntBuffer none() const {
        const reference::SpatialMask &grid = module_.blocks.front().patches;
        IntBuffer buffer(grid.columns, grid.rows, module_.parts(), module_.frames());
        buffer.fill(0);
        return buffer;
    }

    void decide(KernelCall &call, const Decision &block) {
        const reference::SpatialMask &mask = block.patches;
        kept_ = {integers(mask.patches, {mask.columns, mask.rows, mask.frames}),
                 integers(block.frames, {module_.frames()}), integers({block.whole ? 2 : 0}, {1})};
        call.bind("patches", kept_[0]).bind("frames", kept_[1]).bind("whole", kept_[2]);
        call.set("frames_per_clip", module_.frames_per_clip);
    }

    // Entry j: the responses from the jth block on as max(value + addend, floor), in double.
    FloatBuffer responses() const {
        const int groups = module_.groups(), inner = module_.channels / groups, count = int(composed_.size());
        FloatBuffer table(inner, groups, 2, count + 1);
        for (int j = 0; j <= count; j++) {
            std::vector<double> addend(size_t(module_.channels), 0.0), floor(size_t(module_.channels), -1e30);
            for (int i = j; j > 0 && i <= count; i++) {
                const std::vector<double> bias = response(module_, size_t(i - 1));
                for (size_t c = 0; c < bias.size(); c++) {
                    addend[c] += bias[c];
                    floor[c] = end(floor[c] + bias[c], composed_[size_t(i - 1)]->relu);
                }
            }
            for (int c = 0; c < module_.channels; c++) {
                table(c % inner, c / inner, 0, j) = float(addend[size_t(c)]);
                table(c % inner, c / inner, 1, j) = float(floor[size_t(c)]);
            }
        }
        return table;
    }

    const Module &module_;
    FrameMemory memory_;
    KernelStore &store_;
    IntBuffer owed_;
    std::vector<const Decision *> composed_;
    std::vector<IntBuffer> kept_;
};

constexpr double kRounding = 2e-6; // of numbers below 8, some additions each

double largest_difference(const Tensor4 &a, const Tensor4 &b) {
    REQUIRE(a.data.size() == b.data.size());
    double largest = 0;
    for (size_t i = 0; i < a.data.size(); i++) {
        const double difference = std::abs(a.data[i] - b.data[i]);
        largest = difference <= largest ? largest : difference;
    }
    return largest;
}

void check(const Module &module) {
    const Tensor4 start = random_frames(module.channels, module.width, module.height, module.frames(), "stream");
    const Tensor4 coarse =
        random_frames(module.channels, (module.width + 1) / 2, (module.height + 1) / 2, module.frames(), "ample");
    const Tensor4 theta = reference::sigmoid(random_frames(module.channels, 1, 1, module.frames(), "theta"));
    const std::vector<int> &last = module.blocks.back().frames;
    const Tensor4 map = zero_response(module.channels, module.width, module.height, 3);
    for (const Target &target : runnable_targets()) {
        INFO(module.channels << " channels, " << module.width << "x" << module.height << ", shift " << module.shift
                             << " on " << target.name);
        Tensor4 at_once = start;
        LateStream late(module, start, target);
        for (size_t k = 0; k < module.blocks.size(); k++) {
            const Decision &block = module.blocks[k];
            if (k > 0) late.settle(&block);
            CHECK(difference_read(module, block, late.values(), at_once) <= kRounding);
            compute(at_once, block);
            Tensor4 values = late.values();
            compute(values, block);
            late.set(values);
            late.owe(block, int(k) + 1);
            respond(at_once, block, response(module, k));
        }
        const Tensor4 enlarged = reference::upsample_nearest(coarse, module.width, module.height);
        for (const bool rejected : {false, true}) {
            const Tensor4 whole = rejected ? with_response(at_once, map, last) : at_once;
            const Tensor4 *owed = rejected ? &map : nullptr;
            CHECK(largest_difference(late.mean(coarse, owed, last),
                                     reference::global_mean(reference::add(whole, enlarged))) <= kRounding);
            for (const char *activation : {"relu", "linear"}) {
                LateStream fused = late;
                fused.fuse(coarse, theta, owed, last, activation);
                CHECK(largest_difference(fused.values(),
                                         activate(activation, reference::blend(theta, enlarged, whole))) <= kRounding);
            }
        }
        late.settle(nullptr);
        CHECK(largest_difference(late.values(), at_once) <= kRounding);
    }
}

// Three blocks, the last of which is linear; `first` chooses the mask that the first one has.
Module module_of(int channels, int width, int height, int grid, bool shift, size_t first) {
    Module module{channels, width, height, 2, 3, shift, {}};
    const std::vector<reference::SpatialMask> masks = awkward_spatial_masks(grid, grid, module.frames());
    const std::vector<std::vector<int>> frames = {{1, 1, 1, 1, 1, 1}, {1, 0, 1, 0, 1, 1}, {0, 1, 1, 1, 0, 1}};
    for (size_t k = 0; k < 3; k++) {
        module.blocks.push_back(
            {masks[(first + 3 * k + k) % masks.size()], frames[(first + k) % 3], (first + k) % 4 == 3, k < 2});
    }
    return module;
}

} // namespace

TEST_CASE("a stream that gets responses late is the one that gets them at once", "[owed_responses]") {
    for (const auto &[width, height, grid] :
         {std::tuple{14, 14, 7}, std::tuple{16, 8, 2}, std::tuple{9, 5, 4}, std::tuple{3, 2, 5}, std::tuple{1, 1, 1}}) {
        for (size_t first = 0; first < 6; first++) {
            check(module_of(24, width, height, grid, true, first));
            check(module_of(17, width, height, grid, false, first));
        }
    }
}

TEST_CASE("responses may be paid at once", "[owed_responses][gpu]") {
    for (const auto &[channels, width, height, grid] :
         {std::tuple{17, 14, 14, 7}, std::tuple{64, 16, 8, 2}, std::tuple{33, 9, 5, 4}, std::tuple{5, 3, 2, 5},
          std::tuple{1, 1, 1, 1}, std::tuple{32, 70, 3, 1}}) {
        for (size_t first = 0; first < 6; first++) {
            const Module module = module_of(channels, width, height, grid, false, first);
            const Tensor4 start = random_frames(channels, width, height, module.frames(), "stream");
            for (const Decision &block : module.blocks) {
                Tensor4 expected = start;
                respond(expected, block, response(module, 0));
                for (const Target &target : called_targets(Dtype::F32)) {
                    INFO(channels << " channels, " << width << "x" << height << ", grid " << grid << ", mask " << first
                                  << " on " << target.name);
                    LateStream stream(module, start, target);
                    stream.owe(block, 1);
                    stream.settle(nullptr);
                    CHECK(largest_difference(stream.values(), expected) <= kRounding);
                }
            }
        }
    }
}

TEST_CASE("late responses take any number of channels", "[owed_responses]") {
    for (const int eighths : {1, 2, 5, 16, 17})
        check(module_of(8 * eighths, 5, 4, 2, true, 5));
    for (const int channels : {1, 3, 8, 16, 33, 64})
        check(module_of(channels, 5, 4, 2, false, 5));
}
