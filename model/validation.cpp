#include "model/validation.h"

#include "model/metrics.h"
#include "model/network.h"
#include "model/patch_masks.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace afnet {

namespace {

// What validation counts; whole numbers, so that shares of a list add up to what one process finds.
struct ValidationCounts {
    double seen = 0, first = 0, fifth = 0, selected = 0, decided = 0;
};

// Gives the network the masks that its navigations do not make.
void choose(Network &network, const RunShape &shape, const ValidationMasks &masks, const std::vector<size_t> &samples) {
    const LoweredNetwork &lowered = network.lowered();
    if (masks.who.frames) {
        const auto frames = batch_masks(masks.who.policy, lowered.selections.size(), shape.frames, shape.clips,
                                        masks.ratio, masks.seed, 0, samples);
        for (size_t i = 0; i < frames.size(); i++)
            network.force_mask(i, frames[i]);
    }
    if (masks.who.patches) {
        const auto patches = batch_patches(masks.who.policy, lowered.patches.size(), shape.frames, shape.clips,
                                           shape.forced_grid, masks.patch_ratio, masks.seed, 0, samples);
        for (size_t i = 0; i < patches.size(); i++)
            network.force_patches(i, patches[i]);
    }
}

ValidationCounts count_right(const ModelDescription &description, const StateTensors &state, ClipBatches &clips,
                             int clips_per_batch, const ValidationMasks &masks, KernelStore &kernels) {
    ValidationCounts counts;
    if (clips.batches() == 0) return counts;
    RunShape shape;
    shape.frames = description.frames;
    shape.clips = clips_per_batch;
    shape.width = shape.height = description.size;
    shape.without_masks = masks.who.nothing_masked;
    shape.forced_masks = masks.who.frames;
    shape.forced_grid = masks.who.patches ? description.grid : 0;
    shape.unselected = masks.unselected;
    Network network(description, shape, kernels, weights_of(state));
    const size_t frame = size_t(3) * size_t(shape.width) * size_t(shape.height);
    clips.start(0);
    ClipBatch batch;
    while (clips.next(batch)) {
        const size_t count = batch.labels.size();  // of the last batch perhaps fewer; the others are as they were
        for (size_t f = 0; f < count * size_t(shape.frames); f++) network.set_frame(int(f), &batch.pixels[f * frame]);
        choose(network, shape, masks, batch.samples);
        network.run();
        for (size_t n = 0; n < count; n++) {
            const int better = classes_before(network.clip_logits(int(n)), batch.labels[n]);
            counts.first += better == 0;
            counts.fifth += better < 5;
            counts.seen++;
        }
        if (masks.who.nothing_masked) continue;
        for (const std::vector<int> &mask : network.masks()) {
            for (size_t f = 0; f < count * size_t(shape.frames); f++)
                counts.selected += mask[f];
            counts.decided += double(count * size_t(shape.frames));
        }
    }
    return counts;
}

} // namespace

ValidationResult validate(const ModelDescription &description, const StateTensors &state, ClipBatches &clips,
                          int clips_per_batch, const ValidationMasks &masks, KernelStore &kernels, ProcessGroup &group) {
    ValidationCounts own;
    bool stopped = false;
    try {
        own = count_right(description, state, clips, clips_per_batch, masks, kernels);
    } catch (const Interrupted &) {
        stopped = true;
    }
    if (group.any(stopped)) throw Interrupted();
    const std::vector<double> all = group.sums({own.seen, own.first, own.fifth, own.selected, own.decided});
    ValidationResult result;
    if (all[0] == 0) throw Error("no clip of the validation list can be read");
    result.top1 = 100.0 * all[1] / all[0];
    result.top5 = 100.0 * all[2] / all[0];
    result.realised_ratio = all[4] > 0 ? all[3] / all[4] : 1;
    return result;
}

}  // namespace afnet
