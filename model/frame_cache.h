// Decoded frames kept from epoch to epoch: small data sets fit in memory, and are decoded once.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "runtime/clip_source.h"

namespace afnet {

/// What was kept is kept to the end: where a data set does not fit, the same part of it is found in every epoch. All
/// functions may be called from any thread.
class FrameCache {
public:
    /// Holds at most `bytes` of pixels; 0: nothing.
    explicit FrameCache(size_t bytes) : bytes_(bytes) {}

    /// What was kept of a clip, or nothing.
    std::shared_ptr<const DecodedClip> find(size_t sample) const;

    /// Keeps it, unless it does not fit or the clip is there.
    void keep(size_t sample, std::shared_ptr<const DecodedClip> clip);

    /// Whether there is room: nothing was refused yet.
    bool has_room() const;
    size_t bytes_kept() const;

private:
    const size_t bytes_;
    mutable std::mutex mutex_;
    std::unordered_map<size_t, std::shared_ptr<const DecodedClip>> clips_;
    size_t kept_ = 0;
    bool refused_ = false;
};

} // namespace afnet
