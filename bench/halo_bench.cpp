#include "bench/halo_bench.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "bench/measure.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr int kTurns = 5, kCalls = 3; // calls of a turn, behind one that is not measured

size_t tiled_step(const LoweredNetwork &network, const std::string &block) {
    const std::vector<Step> &steps = network.plan.steps;
    for (size_t i = 0; i < steps.size(); i++) {
        if (steps[i].kernel.generator == "conv2d_tiles" && starts_with(steps[i].label, block + ".")) return i;
    }
    throw Error(block + ": no convolution in tiles");
}

} // namespace

HaloBench::HaloBench(const LoweredNetwork &network, const std::string &block, KernelStore &kernels,
                     const std::string &model, const Weights &weights)
    : step_(network, tiled_step(network, block), kernels, model, weights),
      side_(std::stoi(step_.step().kernel.params.at("side"))) {}

HaloFigures HaloBench::measure(const PixelSelection &pixels) {
    HaloFigures figures;
    const PixelLists lists = list_pixels(pixels, side_);
    if (lists.points == 0) return figures;
    const PixelLists contiguous = list_pixels(contiguous_pixels(pixels, side_), side_);
    std::vector<double> scattered_ms, contiguous_ms;
    for (int turn = 0; turn < kTurns; turn++) {
        call(lists, pixels, scattered_ms);
        call(contiguous, pixels, contiguous_ms);
    }
    figures.ms = summarize(scattered_ms).median;
    figures.contiguous_ms = summarize(contiguous_ms).median;
    figures.computed = double(lists.tile_count) * side_ * side_ / lists.points;
    figures.read = double(lists.tile_count) * (side_ + 2) * (side_ + 2) / lists.points;
    return figures;
}

// `slots` has a border of a pixel, which stays zero.
void HaloBench::give(const PixelLists &lists, const PixelSelection &pixels) {
    std::memcpy(step_.argument("list").data, lists.tiles.data(), lists.tiles.size() * sizeof(int));
    const TensorMemory slots = step_.argument("slots");
    std::memset(slots.data, 0, slots.bytes);
    const size_t width = size_t(pixels.width), height = size_t(pixels.height);
    for (size_t line = 0; line < height * size_t(pixels.frames); line++) {
        const size_t f = line / height, y = line % height;
        int *row = static_cast<int *>(slots.data) + ((f * (height + 2) + y + 1) * (width + 2) + 1);
        std::copy_n(lists.slots.begin() + long(line * width), width, row);
    }
    step_.set_count(lists.tile_count);
}

void HaloBench::call(const PixelLists &lists, const PixelSelection &pixels, std::vector<double> &ms) {
    give(lists, pixels);
    for (int call = 0; call <= kCalls; call++) {
        const auto begin = std::chrono::steady_clock::now();
        step_.run();
        if (call > 0) ms.push_back(milliseconds(std::chrono::steady_clock::now() - begin));
    }
}

} // namespace afnet
