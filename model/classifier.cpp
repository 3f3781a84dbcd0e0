#include "model/classifier.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "model/realised_ratios.h"

namespace afnet {

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

} // namespace

RunShape classified_shape(const LoadedModel &model, const ClassifierOptions &options) {
    RunShape shape;
    shape.frames = options.frames > 0 ? options.frames : model.description.frames;
    shape.width = shape.height = options.size > 0 ? options.size : model.description.size;
    shape.unselected = options.unselected.value_or(model.unselected);
    shape.dtype = options.dtype;
    shape.gumbel_noise = options.gumbel_seed.has_value();
    check_frames(model, shape.frames);
    return shape;
}

Classifier::Classifier(const LoadedModel &model, KernelStore &kernels, const ClassifierOptions &options)
    : options_(options), labels_(model.labels) {
    const RunShape shape = classified_shape(model, options);
    preprocessor_ = std::make_unique<Preprocessor>(kernels, frame_crop(model.description.crop, shape.width));
    network_ = std::make_unique<Network>(model.description, shape, kernels, model.weights);
    if (options.gumbel_seed) network_->draw_gumbel(*options.gumbel_seed);
}

void Classifier::classify(const std::vector<RgbFrame> &frames, ClipResult &result) {
    Clock::time_point begin = Clock::now();
    const RgbFrame *before = nullptr;
    const float *pixels = nullptr;
    for (size_t t = 0; t < frames.size(); t++) {
        // Short videos repeat frames.
        if (!before || before->data != frames[t].data) pixels = preprocessor_->run(frames[t]);
        before = &frames[t];
        network_->set_frame(int(t), pixels);
    }
    result.preprocess_ms = milliseconds_since(begin);
    begin = Clock::now();
    network_->run();
    result.network_ms = milliseconds_since(begin);

    const std::vector<float> scores = network_->probabilities(0);
    std::vector<int> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    const size_t count = std::min(scores.size(), size_t(options_.top));
    std::partial_sort(order.begin(), order.begin() + long(count), order.end(),
                      [&](int a, int b) { return scores[size_t(a)] > scores[size_t(b)]; });
    result.top.clear();
    for (size_t i = 0; i < count; i++) {
        const size_t index = size_t(order[i]);
        result.top.push_back({labels_.empty() ? std::to_string(index) : labels_[index], order[i], scores[index]});
    }
    report_masks(result);
    result.gmac = network_->macs() / 1e9;
}

void Classifier::report_masks(ClipResult &result) {
    MaskedResult used;
    used.masks = network_->masks();
    used.patches = network_->patch_masks();
    used.grid = result.grid = network_->grid();
    RealisedRatios realised;
    realised.add(used);
    const MaskRatios ratios = realised.means();
    result.realised_rt = ratios.frames;
    result.realised_rs = ratios.patches;
    result.masks.clear();
    const std::vector<std::string> blocks = masked_blocks(network_->lowered());
    for (size_t b = 0; b < blocks.size(); b++) {
        BlockMask &block = result.masks.emplace_back();
        block = {blocks[b], used.masks[b], ratios.block_frames[b], {}, {}};
        if (used.patches.empty()) continue;
        block.patches = used.patches[b];
        block.realised_rs = ratios.block_patches[b];
    }
}

}  // namespace afnet
