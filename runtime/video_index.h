// Which frames a video file really holds, and which packets must be decoded to get some of them. Headers are not
// believed: the packets are read through once, which costs about a millisecond for a short clip.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/ffmpeg_handles.h"
#include "runtime/media_input.h"
#include "runtime/media_limits.h"

namespace afnet {

struct VideoPacket {
    int64_t pts = 0;
    int64_t place = 0;    // bytes of video before it
    bool shown = true;    // its picture is shown: neither cut off by an edit list nor hidden
    bool restart = false; // decoding may begin here
};

/// A stretch of packets, [begin, end), in decoding order.
struct PacketRange {
    int64_t begin = 0;
    int64_t end = 0;
};

/// The frames of a video file in the order in which they are shown.
struct VideoIndex {
    /// Whether each packet holds one frame, told apart by its time stamp, so that decoding may begin at restarts. If
    /// not, frames are known only by counting what comes out when all packets are decoded, and `packets` is empty.
    bool by_time = false;
    std::vector<VideoPacket> packets;   // in decoding order
    std::vector<int64_t> frame_packets; // [frame]: its packet; only with by_time
    std::vector<double> frame_seconds;  // [frame]: when it is shown; NaN where the file does not say
    int64_t errors = 0;                 // damaged packets, or pictures if they were decoded
    std::string broken_off;             // how the packets seem to be incomplete; empty when they do not

    int64_t frames() const { return static_cast<int64_t>(frame_seconds.size()); }
};

/// Reads all packets of `input`, which stands at its beginning. by_time is false, and no frames are listed, where the
/// packets do not tell the frames: call index_by_decoding then. Throws Error when there are more than
/// limits.max_frames.
VideoIndex index_by_packets(MediaInput &input, const MediaLimits &limits);

/// Decodes all packets of `input`, which stands at its beginning, and counts the frames.
VideoIndex index_by_decoding(MediaInput &input, const MediaLimits &limits);

/// The packets to decode, in ascending ranges that do not touch, so that all of `frames` (ascending) come out exactly
/// as they do when everything is decoded in order. Each range begins at a restart. `index` is by_time.
std::vector<PacketRange> packets_to_decode(const VideoIndex &index, const std::vector<int64_t> &frames);

} // namespace afnet
