#include "bench/study_networks.h"

#include "model/patch_navigation.h"
#include "model/preprocess.h"
#include "model/recipe.h"
#include "runtime/clip_source.h"
#include "runtime/interrupt.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// A network that has no masks in space has no weights that would choose them.
Weights with_patch_navigation(const Weights &weights, uint64_t seed) {
    return [weights, seed](const ParameterInfo &info) {
        const bool made_up = contains(info.key, patch_navigation_key("") + ".");
        return made_up ? recipe_parameter(info.key, info.shape, seed) : weights(info);
    };
}

} // namespace

StudyNetworks::StudyNetworks(const LoadedModel &model, const RunShape &shape, KernelStore &kernels, std::string clip,
                             uint64_t seed)
    : model_(model), shape_(shape), kernels_(kernels), seed_(seed) {
    if (!clip.empty()) read_frames(kernels, clip);
    RunShape plain = shape_;
    plain.without_masks = true;
    dense_ = open(model.description, plain);
}

StudiedNetwork &StudyNetworks::frames() {
    if (!frames_) {
        ModelDescription description = model_.description;
        description.masks = MaskKind::Temporal;
        frames_ = std::make_unique<StudiedNetwork>(masked(description));
    }
    return *frames_;
}

StudiedNetwork &StudyNetworks::patches(int grid) {
    const auto found = patches_.find(grid);
    if (found != patches_.end()) return found->second;
    ModelDescription description = model_.description;
    description.masks = description.temporal() ? MaskKind::Both : MaskKind::Spatial;
    description.frame_choice = FrameChoice::Hard;
    description.grid = grid;
    return patches_.emplace(grid, masked(description)).first->second;
}

const ForcedMasks &StudyNetworks::learned() {
    if (learned_) return *learned_;
    const std::unique_ptr<Network> network = open(model_.description, shape_);
    network->run();
    learned_ = std::make_unique<ForcedMasks>();
    learned_->frames = network->selection_masks();
    learned_->patches = network->patch_masks();
    return *learned_;
}

std::unique_ptr<Network> StudyNetworks::open(const ModelDescription &description, const RunShape &shape) {
    const bool lacks = description.spatial() && !model_.description.spatial();
    auto network = std::make_unique<Network>(description, shape, kernels_,
                                             lacks ? with_patch_navigation(model_.weights, seed_) : model_.weights);
    if (clip_.empty()) network->fill_recipe_video(seed_);
    // Every clip of a batch shows the same.
    for (int f = 0; f < shape.flat_frames() && !clip_.empty(); f++)
        network->set_frame(f, clip_[size_t(f % shape.frames)].data());
    return network;
}

StudiedNetwork StudyNetworks::masked(const ModelDescription &description) {
    RunShape forced = shape_;
    forced.forced_masks = forced.forced_patches = true;
    StudiedNetwork result{open(description, forced), {}};
    result.roles = step_roles(result.network->lowered(), dense_->lowered());
    return result;
}

void StudyNetworks::read_frames(KernelStore &kernels, const std::string &path) {
    VideoOptions video;
    video.limits.cancelled = interrupted;
    const DecodedClip clip = read_clip(path, shape_.frames, video);
    Preprocessor preprocessor(kernels, frame_crop(model_.description.crop, shape_.width));
    const size_t size = 3 * size_t(shape_.width) * size_t(shape_.height);
    for (const RgbFrame &frame : clip.frames) {
        const float *pixels = preprocessor.run(frame);
        clip_.emplace_back(pixels, pixels + size);
    }
}

} // namespace afnet
