#include "runtime/clip_sampler.h"

#include <string>

#include "runtime/error.h"

namespace afnet {

namespace {

// The authors' arithmetic is in doubles, and rounding decides some picks: frame 7 of 12 from 16 is 9, while exact
// arithmetic gives 10. Each operation must therefore round by itself: volatile keeps the compiler from fusing the
// multiplication into the addition, as it would on machines where that is one instruction.
int64_t middle_of_part(double step, int part) {
    const volatile double start = step * part;
    return static_cast<int64_t>(step / 2.0 + start);
}

void check_numbers(int64_t video_frames, int clip_frames) {
    if (video_frames >= 1 && clip_frames >= 1) return;
    throw Error("clip sampler: cannot pick " + std::to_string(clip_frames) + " frames from " +
                std::to_string(video_frames) + "; at least one of each is expected");
}

} // namespace

ClipPicks pick_clip_frames(int64_t video_frames, int clip_frames) {
    check_numbers(video_frames, clip_frames);
    ClipPicks picks;
    picks.shorter_than_clip = video_frames < clip_frames;
    picks.first_frame_only = video_frames <= clip_frames;
    picks.frames.assign(static_cast<size_t>(clip_frames), 0);
    if (picks.first_frame_only) return picks;
    const double step = static_cast<double>(video_frames) / clip_frames;
    for (int i = 0; i < clip_frames; ++i)
        picks.frames[static_cast<size_t>(i)] = middle_of_part(step, i);
    return picks;
}

ClipPicks draw_clip_frames(int64_t video_frames, int clip_frames, CounterRandom &random) {
    check_numbers(video_frames, clip_frames);
    ClipPicks picks;
    picks.shorter_than_clip = picks.first_frame_only = video_frames < clip_frames;
    picks.frames.assign(static_cast<size_t>(clip_frames), 0);
    if (picks.first_frame_only) return picks;
    const int64_t segment = video_frames / clip_frames;
    if (segment > UINT32_MAX) throw Error("clip sampler: a video of " + std::to_string(video_frames) + " frames");
    for (int i = 0; i < clip_frames; ++i)
        picks.frames[static_cast<size_t>(i)] = i * segment + random.below(static_cast<uint32_t>(segment));
    return picks;
}

} // namespace afnet
