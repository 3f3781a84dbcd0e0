// A focal block touches what its mask selects and nothing else: counted store by store, and shown with poisoned frames.
#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "tests/generators/layer.h"
#include "tests/generators/listed_plan.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

namespace {

constexpr int kChannels = 16, kMiddle = 8, kGroups = 2;
constexpr int kWidth = 7, kHeight = 5;

// Distinct places that kernels' outputs were stored to, [c, g, x, y, f], and parallel loops that they started, while a
// recorder lives.
class StoreRecorder {
public:
    StoreRecorder() : trace_(halide_set_custom_trace(record)), loop_(halide_set_custom_do_par_for(count_loop)) {
        places().clear();
        loops() = 0;
    }
    ~StoreRecorder() {
        halide_set_custom_trace(trace_);
        halide_set_custom_do_par_for(loop_);
    }

    using Place = std::array<int, 5>;
    static std::set<Place> &places() {
        static std::set<Place> all;
        return all;
    }
    static std::atomic<int> &loops() {
        static std::atomic<int> count{0};
        return count;
    }

private:
    static int count_loop(void *context, halide_task_t body, int min, int extent, uint8_t *closure) {
        loops()++;
        return halide_default_do_par_for(context, body, min, extent, closure);
    }

    // Called from every thread of the pool. A vector's coordinates come dimension by dimension, lanes innermost.
    static int32_t record(void *, const halide_trace_event_t *event) {
        static std::mutex mutex;
        if (event->event != halide_trace_store || std::string(event->func) != "output") return 1;
        const int lanes = event->type.lanes;
        if (event->dimensions != 5 * lanes) return 1;
        const std::lock_guard<std::mutex> lock(mutex);
        for (int lane = 0; lane < lanes; lane++) {
            Place place{};
            for (int d = 0; d < 5; d++) place[size_t(d)] = event->coordinates[d * lanes + lane];
            places().insert(place);
        }
        return 1;
    }

    halide_trace_t trace_;
    halide_do_par_for_t loop_;
};

enum class Part { Gather, Compact, Scatter };

// The three convolutions of a focal block, or one of them alone.
class FocalBlock {
public:
    FocalBlock(bool shift, int frames, Dtype dtype) : plan_(shift, shape_of(frames, dtype)) {
        in_ = plan_.input("in", kChannels, 0, true);
        state_ = plan_.input("state", kChannels);
    }

    void add(Part part) {
        ConvLayer layer;
        layer.label = part == Part::Gather ? "conv1" : part == Part::Compact ? "conv2" : "conv3";
        layer.conv = layer.label;
        layer.norm = "norm." + layer.label;
        layer.groups = kGroups;
        layer.selection = &plan_.selection();
        layer.out = part == Part::Scatter ? kChannels : kMiddle;
        layer.kernel = part == Part::Compact ? 3 : 1;
        layer.gather = part == Part::Gather ? Gather::Selected : Gather::Compact;
        layer.border = part == Part::Gather ? 1 : 0;
        layer.scatter = part == Part::Scatter;
        if (layer.scatter) layer.onto = state_;
        if (part == Part::Gather) middle_ = in_;
        if (middle_.tensor == kNoTensor) middle_ = plan_.input("middle", kMiddle, 1);
        middle_ = plan_.builder().conv(middle_, layer);
        if (!layer.scatter) plan_.keep(middle_);
    }

    void open(const Target &target, const char *library) {
        plan_.open(test_kernel_store(target), library, recipe_weights(3));
    }

    ListedPlan &plan() { return plan_; }
    const Feature &in() const { return in_; }
    const Feature &state() const { return state_; }

private:
    static RunShape shape_of(int frames, Dtype dtype) {
        RunShape shape;
        shape.dtype = dtype;
        shape.frames = frames;
        shape.width = kWidth;
        shape.height = kHeight;
        return shape;
    }

    ListedPlan plan_;
    Feature in_, state_, middle_;
};

// Which frames an output of `part` is stored for.
std::set<int> frames_written(Part part, const std::vector<int> &mask) {
    const std::vector<int> selected = selected_frames(mask);
    if (part == Part::Scatter) return std::set<int>(selected.begin(), selected.end());
    std::set<int> compact;
    for (int s = 0; s < int(selected.size()); s++) compact.insert(s);
    return compact;
}

void check_stores(const Target &target, Dtype dtype, Part part, const std::vector<int> &mask) {
    FocalBlock block(true, int(mask.size()), dtype);
    block.add(part);
    block.open(target, kTracedLibrary);
    block.plan().select(mask);
    const StoreRecorder recorder;
    block.plan().run();
    const auto &places = StoreRecorder::places();
    // Every kernel begins with a parallel loop: without frames there is no call at all.
    CHECK((StoreRecorder::loops() > 0) == !selected_frames(mask).empty());
    const size_t channels = part == Part::Scatter ? kChannels : kMiddle;
    CHECK(places.size() == selected_frames(mask).size() * size_t(kWidth * kHeight) * channels);
    std::set<int> frames;
    for (const StoreRecorder::Place &place : places) {
        frames.insert(place[4]);
        const bool inside = place[0] >= 0 && place[0] < int(channels) / kGroups && place[1] >= 0 &&
                            place[1] < kGroups && place[2] >= 0 && place[2] < kWidth && place[3] >= 0 &&
                            place[3] < kHeight;
        if (!inside) FAIL("stored outside the output: channel " << place[0] << ", column " << place[2]);
    }
    CHECK(frames == frames_written(part, mask));
}

Tensor4 poisoned(Tensor4 values, const std::vector<int> &mask) {
    const size_t frame = values.data.size() / mask.size();
    for (size_t f = 0; f < mask.size(); f++) {
        if (mask[f] != 0) continue;
        std::fill_n(values.data.begin() + long(f * frame), frame, std::numeric_limits<double>::quiet_NaN());
    }
    return values;
}

void check_poisoned(const Target &target, Dtype dtype) {
    FocalBlock block(false, 6, dtype);
    for (const Part part : {Part::Gather, Part::Compact, Part::Scatter})
        block.add(part);
    block.open(target, kTestLibrary);
    const Tensor4 in = random_frames(kChannels, kWidth, kHeight, 6, "in");
    const Tensor4 state = random_frames(kChannels, kWidth, kHeight, 6, "state");
    for (const std::vector<int> &mask : awkward_masks(6, 1)) {
        INFO(selected_frames(mask).size() << " selected frames on " << target.name << ", " << dtype_name(dtype));
        const auto run = [&](const Tensor4 &input, const Tensor4 &onto) {
            block.plan().select(mask);
            block.plan().write(block.in(), input);
            block.plan().write(block.state(), onto);
            block.plan().run();
            return listed_frames(block.plan().read(block.state()), selected_frames(mask)).data;
        };
        const std::vector<double> clean = run(in, state);
        CHECK(std::all_of(clean.begin(), clean.end(), [](double v) { return std::isfinite(v); }));
        CHECK(run(poisoned(in, mask), poisoned(state, mask)) == clean);
    }
}

}  // namespace

TEST_CASE("a focal block stores the selected frames' elements, each place, and no others", "[sparsity]") {
    constexpr int kFrames = 6;
    const std::vector<std::vector<int>> masks = {
        {0, 0, 0, 0, 0, 0}, {0, 0, 1, 0, 0, 0}, {1, 1, 1, 0, 1, 1}, {1, 1, 1, 1, 1, 1}, {0, 1, 0, 0, 1, 0}};
    for (const Dtype dtype : runnable_dtypes()) {
        for (const Target &target : runnable_targets(dtype)) {
            for (const Part part : {Part::Gather, Part::Compact, Part::Scatter}) {
                for (const std::vector<int> &mask : masks) {
                    INFO("part " << int(part) << ", " << selected_frames(mask).size() << " of " << kFrames
                                 << " frames on " << target.name << ", " << dtype_name(dtype));
                    check_stores(target, dtype, part, mask);
                }
            }
        }
    }
}

TEST_CASE("without a shift, what unselected frames hold reaches no selected frame", "[sparsity]") {
    for (const Dtype dtype : runnable_dtypes()) {
        for (const Target &target : runnable_targets(dtype))
            check_poisoned(target, dtype);
    }
}
