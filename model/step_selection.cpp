#include "model/step_selection.h"

#include <cstring>

#include "model/patch_shape.h"
#include "runtime/arena.h"
#include "runtime/error.h"

namespace afnet {

namespace {

const Argument *argument_of(const Step &step, const char *name) {
    for (const Argument &argument : step.arguments) {
        if (argument.name == name) return &argument;
    }
    return nullptr;
}

double scalar_of(const Step &step, const char *name) {
    for (const Scalar &scalar : step.scalars) {
        if (scalar.name == name) return scalar.value;
    }
    throw Error("step " + step.label + ": no scalar " + name);
}

// A mask of frames has this name as well.
bool reads_patches(const LoweredNetwork &network, const Step &step) {
    const Argument *mask = argument_of(step, "mask");
    return mask && network.plan.tensors[size_t(mask->tensor)].extents.size() == 3;
}

// How a focal block with masks in space is computed, and the counts that say so.
struct SpatialBlock {
    TensorId listed = kNoTensor; // frames, where it is computed by lists and may be otherwise
    PatchCounts counts;
    double break_even = 1; // by lists
};

// Of the block that has the count.
const SpatialBlock *block_with(const std::vector<SpatialBlock> &blocks, TensorId count) {
    for (const SpatialBlock &block : blocks) {
        const PatchCounts &c = block.counts;
        if (count == block.listed || count == c.whole || count == c.points || count == c.tiles) return &block;
    }
    return nullptr;
}

std::vector<SpatialBlock> spatial_blocks(const LoweredNetwork &network) {
    std::vector<SpatialBlock> blocks(network.patch_counts.size());
    for (size_t b = 0; b < blocks.size(); b++)
        blocks[b].counts = network.patch_counts[b];
    for (const Step &step : network.plan.steps) {
        if (step.kernel.generator != "patch_choice") continue;
        const TensorId whole = argument_of(step, "whole")->tensor;
        for (SpatialBlock &block : blocks) {
            if (block.counts.whole != whole) continue;
            block.listed = argument_of(step, "listed")->tensor;
            block.break_even = scalar_of(step, "break_even");
        }
    }
    return blocks;
}

int selected_frames(const LoweredNetwork &network, const StepMasks &masks) {
    return network.selections.empty() ? int(masks.patches.size()) / (masks.grid * masks.grid) : masks.frames;
}

int flat_frames(const LoweredNetwork &network) {
    return network.plan.tensors[size_t(network.video)].extents[3];
}

PixelTiles tiles_of(const LoweredNetwork &network, const SpatialBlock &block, const StepMasks &masks, int side) {
    return mask_tiles(masks, flat_frames(network), selected_frames(network, masks), block.counts.width,
                      block.counts.height, side);
}

int side_of(const SpatialBlock &block, TensorId count) {
    return count == block.counts.tiles ? block.counts.side : 1;
}

void write(IsolatedStep &step, const char *name, const std::vector<int> &elements) {
    const TensorMemory memory = step.argument(name);
    if (elements.size() * sizeof(int) > memory.bytes)
        throw Error("step " + step.step().label + ": " + name + " is short");
    std::memcpy(memory.data, elements.data(), elements.size() * sizeof(int));
}

// Slots lie in a border of zeroes.
void write_slots(IsolatedStep &step, const SpatialBlock &block, const PixelTiles &points, int frames) {
    const int width = block.counts.width, height = block.counts.height;
    std::vector<int> stored(size_t(width + 2) * size_t(height + 2) * size_t(frames), 0);
    for (size_t i = 0; i < points.slots.size(); i++) {
        const size_t x = i % size_t(width), line = i / size_t(width);
        const size_t y = line % size_t(height), f = line / size_t(height);
        stored[(f * size_t(height + 2) + y + 1) * size_t(width + 2) + x + 1] = points.slots[i];
    }
    write(step, "slots", stored);
}

} // namespace

StepMasks step_masks(const ModelDescription &model, const RunShape &run, int frames, double rs) {
    StepMasks masks;
    masks.frames = frames;
    masks.grid = run.forced_grid > 0 ? run.forced_grid : model.spatial() ? model.grid : 0;
    if (masks.grid > 0) masks.patches = patch_mask(PatchShape::Random, masks.grid, run.flat_frames(), rs, {}, 0);
    return masks;
}

PixelTiles mask_tiles(const StepMasks &masks, int frames, int listed, int width, int height, int side) {
    return list_tiles(patch_pixels(masks.patches, masks.grid, width, height, frames), listed, side);
}

int selected_of(const LoweredNetwork &network, const Step &step, const StepMasks &masks) {
    if (step.count == kNoTensor) return -1;
    const std::vector<SpatialBlock> blocks = spatial_blocks(network);
    const SpatialBlock *block = block_with(blocks, step.count);
    if (!block) return masks.frames;
    const PixelTiles points = tiles_of(network, *block, masks, 1);
    const bool whole = float(points.selected) > float(block->break_even) * float(points.all);
    if (whole != (step.count == block->counts.whole)) return 0;
    if (whole || step.count == block->listed) return selected_frames(network, masks);
    const int side = side_of(*block, step.count);
    return side == 1 ? points.selected : tiles_of(network, *block, masks, side).selected;
}

bool depends_on_patches(const LoweredNetwork &network, const Step &step) {
    return reads_patches(network, step) || argument_of(step, "list");
}

void select(IsolatedStep &isolated, const LoweredNetwork &network, size_t index, const StepMasks &masks) {
    const Step &step = network.plan.steps[index];
    const int selected = selected_of(network, step, masks);
    if (selected >= 0) isolated.set_count(selected);
    if (masks.grid == 0) return;
    const Argument *list = argument_of(step, "list"), *frames = argument_of(step, "frame_count");
    if (reads_patches(network, step)) write(isolated, "mask", masks.patches);
    if (frames && frames->tensor != step.count) write(isolated, "frame_count", {selected_frames(network, masks)});
    const std::vector<SpatialBlock> blocks = spatial_blocks(network);
    const SpatialBlock *block = list ? block_with(blocks, step.count) : nullptr;
    if (!block || step.count == block->listed) return;
    const PixelTiles tiles = tiles_of(network, *block, masks, side_of(*block, step.count));
    write(isolated, "list", tiles.list);
    write_slots(isolated, *block, tiles_of(network, *block, masks, 1), flat_frames(network));
}

} // namespace afnet
