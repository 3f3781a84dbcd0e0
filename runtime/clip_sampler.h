// Which frames of a video a clip shows to the network.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/counter_random.h"

namespace afnet {

/// The frames of one clip.
struct ClipPicks {
    std::vector<int64_t> frames;    // 0-based, ascending, as many as the clip has; repeated where the rule says so
    bool shorter_than_clip = false; // the video has fewer frames than the clip
    bool first_frame_only = false;  // the rule for videos of no more frames than the clip applied: all are frame 0
};

/// The frames that a clip of `clip_frames` sees of a video of `video_frames`, by the rule under which AFNet's published
/// accuracy was measured: with step = video_frames / clip_frames, frame i of the clip is floor(step / 2 + step * i),
/// the middle of each of clip_frames equal parts. A video of no more frames than the clip, even of exactly as many,
/// shows its first frame clip_frames times: an oddity of the authors' program that their figures contain. Throws Error
/// when either number is below 1.
ClipPicks pick_clip_frames(int64_t video_frames, int clip_frames);

/// The authors' rule for training: with d = floor(video_frames / clip_frames), frame i of the clip is i * d plus one of
/// 0 to d - 1, drawn from `random` for each i by itself. Frames from clip_frames * d on are never shown. A video of fewer
/// frames than the clip shows its first frame clip_frames times. Throws Error when either number is below 1.
ClipPicks draw_clip_frames(int64_t video_frames, int clip_frames, CounterRandom &random);

} // namespace afnet
