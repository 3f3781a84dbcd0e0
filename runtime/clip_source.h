// One clip out of whatever the user names: a video file, or a folder of frames.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/clip_sampler.h"
#include "runtime/rgb_frame.h"
#include "runtime/video_reader.h"

namespace afnet {

/// The frames that the network gets to see, each at its own size; every vector but `warnings` has one entry per frame
/// of the clip.
struct DecodedClip {
    std::vector<RgbFrame> frames;
    std::vector<int64_t> frame_indices;    // 0-based, in the video
    std::vector<double> frame_pts_seconds; // NaN where the source does not say; empty for folders, which have no times
    int64_t total_frames = 0;              // of the video
    std::vector<std::string> warnings;     // for the user, each naming the path
};

/// Reads the clip of `frames` frames that the evaluation rule picks (runtime/clip_sampler.h) from a video file or a
/// folder of JPEG or PNG frames. A frame that the rule picks several times is decoded once. Throws Error as VideoReader
/// and FrameFolder do.
DecodedClip read_clip(const std::string &path, int frames, const VideoOptions &options = {});

/// Chooses the frames to read of a video of so many. It may be asked a second time, with a smaller number, where a
/// damaged video turns out to have fewer frames than it said.
using FramePicker = std::function<ClipPicks(int64_t video_frames)>;

/// The same with any rule whose frames ascend. It warns of no short videos.
DecodedClip read_clip(const std::string &path, const FramePicker &picker, const VideoOptions &options = {});

} // namespace afnet
