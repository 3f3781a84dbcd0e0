// Goes to any packet of an indexed video file, and knows at every moment which one comes next.
#pragma once

#include <cstdint>

#include "runtime/media_input.h"
#include "runtime/video_index.h"

namespace afnet {

class PacketReader {
public:
    /// `input` stands at its beginning or not; `index` is its index with by_time, and both outlive this object. Up to
    /// `seek_over_bytes` of unwanted video are read through rather than jumped over: a jump is exact only in principle,
    /// and costs as much as reading through a few megabytes.
    PacketReader(MediaInput &input, const VideoIndex &index, int64_t seek_over_bytes);

    /// Makes `packet` the next one. False when the file does not give the packets that it gave before.
    bool go_to(int64_t packet);

    /// The next packet, which stays valid until the next call; null at the end, or when the file does not give the
    /// packets that it gave before.
    const AVPacket *next();

private:
    bool jump(int64_t packet);
    bool fetch();

    MediaInput &input_;
    const VideoIndex &index_;
    int64_t seek_over_bytes_;
    FfmpegPtr<AVPacket> packet_;
    int64_t next_ = -1;    // number of the packet that next() gives; -1: unknown
    bool fetched_ = false; // packet_ already holds it
};

} // namespace afnet
