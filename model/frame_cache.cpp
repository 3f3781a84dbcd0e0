#include "model/frame_cache.h"

#include <utility>

namespace afnet {

std::shared_ptr<const DecodedClip> FrameCache::find(size_t sample) const {
    if (bytes_ == 0) return nullptr;
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = clips_.find(sample);
    return found == clips_.end() ? nullptr : found->second;
}

void FrameCache::keep(size_t sample, std::shared_ptr<const DecodedClip> clip) {
    if (bytes_ == 0) return;
    size_t bytes = 0;
    for (const RgbFrame &frame : clip->frames)
        bytes += frame.data.size();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (clips_.count(sample)) return;
    if (bytes > bytes_ - kept_) {
        refused_ = true;
        return;
    }
    kept_ += bytes;
    clips_.emplace(sample, std::move(clip));
}

bool FrameCache::has_room() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return bytes_ > 0 && !refused_;
}

size_t FrameCache::bytes_kept() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return kept_;
}

} // namespace afnet
