#include "model/clip_loader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "model/random_use.h"
#include "runtime/error.h"

namespace afnet {

namespace {

// A video of at most so many times T frames is decoded whole where a cache may keep it, because every epoch asks for
// other frames of it. Longer ones would hold too much at once.
constexpr int64_t kWholeVideo = 4;

CounterRandom random_for(const ClipOptions &options, uint8_t purpose, uint32_t epoch, size_t sample) {
    RandomStream stream;
    stream.purpose = purpose;
    stream.epoch = epoch;
    stream.sample = uint32_t(sample);
    return CounterRandom(options.seed, stream);
}

ClipPicks all_frames(int64_t video_frames) {
    ClipPicks picks;
    picks.frames.resize(size_t(video_frames));
    std::iota(picks.frames.begin(), picks.frames.end(), 0);
    return picks;
}

} // namespace

ClipLoader::ClipLoader(KernelStore &kernels, const std::vector<ListedClip> &clips, const ClipOptions &options,
                       FrameCache &cache)
    : clips_(clips), options_(options), cache_(cache), crop_(frame_crop(options.crop, options.size)),
      preprocessor_(kernels, crop_) {}

// Frames behind those that the list counts are not there for the authors' program.
ClipPicks ClipLoader::choose(uint32_t epoch, size_t sample, int64_t video_frames) const {
    const int64_t listed = clips_[sample].frames;
    const int64_t frames = listed > 0 ? std::min(listed, video_frames) : video_frames;
    if (!options_.train) return pick_clip_frames(frames, options_.frames);
    CounterRandom random = random_for(options_, kSegmentOffset, epoch, sample);
    return draw_clip_frames(frames, options_.frames, random);
}

// False where a frame is not among those decoded.
bool ClipLoader::find_places(ChosenFrames &chosen, const ClipPicks &picks) const {
    const std::vector<int64_t> &decoded = chosen.clip->frame_indices;
    chosen.places.clear();
    for (const int64_t frame : picks.frames) {
        const auto found = std::lower_bound(decoded.begin(), decoded.end(), frame);
        if (found == decoded.end() || *found != frame) return false;
        chosen.places.push_back(size_t(found - decoded.begin()));
    }
    return true;
}

ChosenFrames ClipLoader::read(uint32_t epoch, size_t sample) const {
    ChosenFrames chosen;
    chosen.clip = cache_.find(sample);
    if (chosen.clip && find_places(chosen, choose(epoch, sample, chosen.clip->total_frames))) return chosen;
    const bool may_keep = cache_.has_room();
    bool whole = false;
    const auto picker = [&](int64_t video_frames) {
        whole = options_.train && may_keep && video_frames <= kWholeVideo * options_.frames;
        return whole ? all_frames(video_frames) : choose(epoch, sample, video_frames);
    };
    chosen.clip = std::make_shared<const DecodedClip>(read_clip(clips_[sample].path, picker, options_.video));
    if (!find_places(chosen, choose(epoch, sample, chosen.clip->total_frames))) {
        throw Error(clips_[sample].path + ": the video changed while it was read");
    }
    if (whole || !options_.train) cache_.keep(sample, chosen.clip);
    return chosen;
}

int ClipLoader::show(uint32_t epoch, size_t sample, const ChosenFrames &chosen, float *pixels) {
    const AugmentationRule &rule = options_.augmentation;
    const bool varied = options_.train && (rule.multi_scale || rule.flip);
    CropBox box;
    int label = clips_[sample].label;
    if (varied) {
        CounterRandom random = random_for(options_, kAugmentation, epoch, sample);
        box = draw_crop(crop_, rule, random);
        const int other = rule.mirrored.empty() ? label : rule.mirrored.at(size_t(label));
        box.flip = box.flip && other >= 0;
        if (box.flip) label = other;
    }
    const size_t elements = clip_elements() / size_t(options_.frames);
    for (size_t t = 0; t < chosen.places.size(); ++t) {
        float *target = pixels + t * elements;
        if (t > 0 && chosen.places[t] == chosen.places[t - 1]) { // short videos repeat frames
            std::copy_n(target - elements, elements, target);
            continue;
        }
        const RgbFrame &frame = chosen.clip->frames[chosen.places[t]];
        std::copy_n(varied ? preprocessor_.run(frame, box) : preprocessor_.run(frame), elements, target);
    }
    return label;
}

size_t ClipLoader::clip_elements() const {
    return size_t(options_.frames) * 3 * size_t(options_.size) * size_t(options_.size);
}

} // namespace afnet
