#include "runtime/clip_source.h"

#include <filesystem>
#include <system_error>

#include "runtime/error.h"
#include "runtime/frame_folder.h"

namespace afnet {

namespace {

std::string short_video_warning(const std::string &path, int64_t total, int frames) {
    return path + ": has " + std::to_string(total) + " frames, no more than the " + std::to_string(frames) +
           " of a clip, so the clip is its first frame " + std::to_string(frames) +
           " times, as in AFNet's published evaluation";
}

DecodedClip read_folder(const std::string &path, const FramePicker &picker, const MediaLimits &limits) {
    FrameFolder folder(path, limits);
    const WorkWatch watch(limits);
    DecodedClip clip;
    clip.total_frames = folder.frame_count();
    clip.frame_indices = picker(clip.total_frames).frames;
    for (size_t i = 0; i < clip.frame_indices.size(); ++i) {
        watch.check(path);
        const bool repeated = i > 0 && clip.frame_indices[i] == clip.frame_indices[i - 1];
        clip.frames.push_back(repeated ? clip.frames.back() : folder.read(clip.frame_indices[i]));
    }
    clip.warnings.insert(clip.warnings.end(), folder.warnings().begin(), folder.warnings().end());
    return clip;
}

DecodedClip read_video(const std::string &path, const FramePicker &picker, const VideoOptions &options) {
    VideoReader video(path, options);
    DecodedClip clip;
    do { // a second time at most: when decoding found fewer frames than the packets promised
        clip.total_frames = video.frame_count();
        clip.frame_indices = picker(clip.total_frames).frames;
    } while (!video.read(clip.frame_indices, clip.frames));
    for (int64_t index : clip.frame_indices)
        clip.frame_pts_seconds.push_back(video.frame_seconds(index));
    for (const std::string &warning : video.warnings())
        clip.warnings.push_back(path + ": " + warning);
    return clip;
}

} // namespace

DecodedClip read_clip(const std::string &path, int frames, const VideoOptions &options) {
    if (frames < 1) {
        throw Error(path + ": a clip of " + std::to_string(frames) + " frames asked for; at least 1 expected");
    }
    bool first_frame_only = false;
    const auto picker = [&](int64_t total) {
        const ClipPicks picks = pick_clip_frames(total, frames);
        first_frame_only = picks.first_frame_only;
        return picks;
    };
    DecodedClip clip = read_clip(path, picker, options);
    if (first_frame_only && frames > 1) {
        clip.warnings.insert(clip.warnings.begin(), short_video_warning(path, clip.total_frames, frames));
    }
    return clip;
}

DecodedClip read_clip(const std::string &path, const FramePicker &picker, const VideoOptions &options) {
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(path, ignored);
    return folder ? read_folder(path, picker, options.limits) : read_video(path, picker, options);
}

} // namespace afnet
