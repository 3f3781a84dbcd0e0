#include "model/network.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "model/network_constants.h"
#include "model/recipe.h"
#include "runtime/arena.h"
#include "runtime/heap.h"
#include "runtime/kernel_trace.h"

namespace afnet {

namespace {

RunShape for_kernels(RunShape shape, const KernelStore &kernels) {
    const GpuInterface gpu = kernels.target().gpu;
    shape.on_gpu = gpu != GpuInterface::None;
    shape.shift_apart =
        gpu == GpuInterface::Cuda && kernels.vendor_policy().use == VendorPolicy::Use::Everywhere;
    return shape;
}

} // namespace

Network::Network(const ModelDescription &description, const RunShape &shape, KernelStore &kernels,
                 const Weights &weights)
    : description_(description), shape_(for_kernels(shape, kernels)), lowered_(lower(description, shape_)),
      executor_(lowered_.plan, kernels, description.name) {
    load_times_.kernels = clock_.lap_ms();
    pack_constants(lowered_, executor_, weights);
    give_back_freed_memory();
    load_times_.packing = clock_.lap_ms();
    compute_zero_responses(lowered_, executor_, kernels, description.name, weights);
    load_times_.zero_responses = clock_.lap_ms();
    executor_.warm_up();
    load_times_.memory = clock_.lap_ms();
}

void Network::set_frame(int flat_frame, const float *pixels) {
    const TensorInfo &video = executor_.plan().tensors[size_t(lowered_.video)];
    const std::vector<int> stored = stored_extents(video);
    float *frame = static_cast<float *>(executor_.memory(lowered_.video).data) +
                   size_t(flat_frame) * size_t(stored[0]) * size_t(stored[1]) * size_t(stored[2]);
    const size_t row = size_t(stored[0]) * size_t(stored[1]), inner = size_t(3 * shape_.width);
    for (int y = 0; y < shape_.height; y++) {
        std::memcpy(frame + size_t(y + video.border) * row + size_t(3 * video.border), pixels + size_t(y) * inner,
                    inner * sizeof(float));
    }
}

void Network::fill_recipe_video(uint64_t seed) {
    for_each_recipe_frame(shape_.clips, shape_.frames, shape_.height, shape_.width, seed,
                          [&](int f, const float *pixels) { set_frame(f, pixels); });
}

void Network::draw_gumbel(uint64_t seed) {
    for (size_t k = 0; k < lowered_.selections.size(); k++) {
        set_gumbel(k, recipe_gumbel_uniform(int(k), size_t(2 * shape_.flat_frames()), seed));
    }
    for (size_t k = 0; k < lowered_.patches.size() && shape_.forced_grid == 0; k++) {
        const size_t patches = size_t(grid()) * size_t(grid()) * size_t(shape_.flat_frames());
        set_patch_gumbel(k, recipe_patch_gumbel_uniform(int(k), 2 * patches, seed));
    }
}

void Network::set_gumbel(size_t index, const std::vector<float> &uniform) {
    std::memcpy(executor_.memory(lowered_.selections[index].uniform).data, uniform.data(),
                uniform.size() * sizeof(float));
}

void Network::set_patch_gumbel(size_t index, const std::vector<float> &uniform) {
    std::memcpy(executor_.memory(lowered_.patches[index].uniform).data, uniform.data(), uniform.size() * sizeof(float));
}

void Network::force_mask(size_t index, const std::vector<int> &mask) {
    std::memcpy(executor_.memory(lowered_.selections[index].forced).data, mask.data(), mask.size() * sizeof(int));
}

std::vector<std::vector<int>> Network::patch_masks() {
    std::vector<std::vector<int>> result;
    for (const PatchSelection &patches : lowered_.patches) {
        const TensorId id = patches.deciding_mask();
        size_t count = 1;
        for (int extent : lowered_.plan.tensors[size_t(id)].extents)
            count *= size_t(extent);
        const int *data = static_cast<const int *>(executor_.memory(id).data);
        result.emplace_back(data, data + count);
    }
    return result;
}

int Network::grid() const {
    if (lowered_.patches.empty()) return 0;
    return lowered_.plan.tensors[size_t(lowered_.patches[0].deciding_mask())].extents[0];
}

void Network::force_patches(size_t index, const std::vector<int> &patches) {
    const TensorMemory memory = executor_.memory(lowered_.patches[index].forced);
    std::memcpy(memory.data, patches.data(), patches.size() * sizeof(int));
}

void Network::run(const Executor::Observer &observer) {
    if (!tracing()) {
        executor_.run(observer);
        return;
    }
    executor_.run([&](const StepReport &report) {
        trace_step(report);
        if (observer) observer(report);
    });
}

std::vector<std::vector<int>> Network::selection_masks() {
    std::vector<std::vector<int>> result;
    for (const Selection &selection : lowered_.selections) {
        if (selection.soft) {
            result.emplace_back(size_t(shape_.flat_frames()), 1);
            continue;
        }
        const TensorId id = shape_.forced_masks ? selection.forced : selection.mask;
        const int *mask = static_cast<const int *>(executor_.memory(id).data);
        result.emplace_back(mask, mask + shape_.flat_frames());
    }
    return result;
}

std::vector<std::vector<int>> Network::masks() {
    const std::vector<std::vector<int>> chosen = selection_masks();
    const std::vector<int> all(size_t(shape_.flat_frames()), 1);
    std::vector<std::vector<int>> result;
    for (const MaskedBlock &block : lowered_.blocks)
        result.push_back(block.selection < 0 ? all : chosen[size_t(block.selection)]);
    return result;
}

std::vector<std::vector<double>> Network::keep_probabilities() {
    std::vector<std::vector<double>> result;
    for (const MaskedBlock &block : lowered_.blocks) {
        if (block.selection < 0) continue;
        const Selection &selection = lowered_.selections[size_t(block.selection)];
        const float *logits = static_cast<const float *>(executor_.memory(selection.logits).data);
        std::vector<double> &of_block = result.emplace_back();
        for (int f = 0; f < shape_.flat_frames(); f++) {
            of_block.push_back(1 / (1 + std::exp(double(logits[2 * f]) - double(logits[2 * f + 1]))));
        }
    }
    return result;
}

std::vector<float> Network::scores(TensorId id, int clip) {
    const size_t classes = size_t(description_.classes);
    const float *all = static_cast<const float *>(executor_.memory(id).data) + size_t(clip) * classes;
    return std::vector<float>(all, all + classes);
}

std::vector<float> Network::clip_logits(int clip) {
    return scores(lowered_.clip_logits, clip);
}

std::vector<float> Network::probabilities(int clip) {
    return scores(lowered_.probabilities, clip);
}

double Network::macs() {
    double total = 0;
    for (const Step &step : lowered_.plan.steps) {
        if (step.macs == 0) continue;
        const int frames =
            step.count == kNoTensor ? step.frames : *static_cast<const int *>(executor_.memory(step.count).data);
        total += step.macs * frames;
    }
    return total;
}

} // namespace afnet
