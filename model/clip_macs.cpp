#include "model/clip_macs.h"

#include <map>

namespace afnet {

namespace {

using Counts = std::vector<double>; // by clip

int first_count(Network &network, TensorId count) {
    return *static_cast<const int *>(network.executor().memory(count).data);
}

Counts frames_of_clips(const std::vector<int> &mask, const RunShape &shape) {
    Counts frames(size_t(shape.clips));
    for (size_t f = 0; f < mask.size(); f++)
        frames[f / size_t(shape.frames)] += mask[f];
    return frames;
}

// Pixels of one frame that its mask of patches [column, row] selects, and tiles that have such pixels.
struct Listed {
    int pixels = 0, tiles = 0;
};

Listed listed_in_frame(const int *patches, int grid, const PatchCounts &counts) {
    Listed listed;
    const int columns = (counts.width + counts.side - 1) / counts.side,
              rows = (counts.height + counts.side - 1) / counts.side;
    std::vector<bool> tiles(size_t(columns) * size_t(rows));
    for (int y = 0; y < counts.height; y++) {
        const int *row = patches + y * grid / counts.height * grid;
        for (int x = 0; x < counts.width; x++) {
            if (row[x * grid / counts.width] == 0) continue;
            listed.pixels++;
            tiles[size_t(y / counts.side * columns + x / counts.side)] = true;
        }
    }
    for (const bool tile : tiles)
        listed.tiles += tile;
    return listed;
}

// What each clip has of what a step's count counts, by the tensor of the count.
class CountsByClip {
public:
    explicit CountsByClip(Network &network) : network_(network), shape_(network.shape()) {
        const LoweredNetwork &lowered = network.lowered();
        const auto masks = network.masks(), patches = network.patch_masks();
        for (size_t b = 0; b < lowered.blocks.size(); b++)
            if (const int chosen = lowered.blocks[b].selection; chosen >= 0)
                counts_[lowered.selections[size_t(chosen)].count] = frames_of_clips(masks[b], shape_);
        for (size_t b = 0; b < patches.size(); b++)
            add_patches(lowered.patch_counts[b], masks[b], patches[b], network.grid());
    }

    const Counts &of(const Step &step) {
        const auto known = counts_.find(step.count);
        if (step.count != kNoTensor && known != counts_.end()) return known->second;
        const int frames = step.count == kNoTensor ? step.frames : first_count(network_, step.count);
        even_.assign(size_t(shape_.clips), double(frames) / shape_.clips);
        return even_;
    }

private:
    void add_patches(const PatchCounts &counts, const std::vector<int> &mask, const std::vector<int> &patches,
                     int grid) {
        const Counts none(size_t(shape_.clips));
        const bool whole = counts.whole != kNoTensor && first_count(network_, counts.whole) > 0;
        Counts points = none, tiles = none;
        const size_t of_frame = size_t(grid) * size_t(grid);
        for (size_t f = 0; f < mask.size() && !whole; f++) {
            if (mask[f] == 0) continue;
            const Listed listed = listed_in_frame(&patches[f * of_frame], grid, counts);
            points[f / size_t(shape_.frames)] += listed.pixels;
            tiles[f / size_t(shape_.frames)] += listed.tiles;
        }
        counts_[counts.points] = points;
        if (counts.whole != kNoTensor) counts_[counts.whole] = whole ? frames_of_clips(mask, shape_) : none;
        if (counts.tiles != kNoTensor) counts_[counts.tiles] = tiles;
    }

    Network &network_;
    const RunShape &shape_;
    std::map<TensorId, Counts> counts_;
    Counts even_;
};

} // namespace

std::vector<double> clip_macs(Network &network) {
    CountsByClip counts(network);
    std::vector<double> macs(size_t(network.shape().clips));
    for (const Step &step : network.lowered().plan.steps) {
        if (step.macs == 0) continue;
        const Counts &computed = counts.of(step);
        for (size_t clip = 0; clip < macs.size(); clip++)
            macs[clip] += step.macs * computed[clip];
    }
    return macs;
}

} // namespace afnet
