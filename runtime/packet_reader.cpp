#include "runtime/media_switches.h"
#if AFNET_WITH_FFMPEG

#include "runtime/packet_reader.h"

#include <algorithm>

namespace afnet {

PacketReader::PacketReader(MediaInput &input, const VideoIndex &index, int64_t seek_over_bytes)
    : input_(input), index_(index), seek_over_bytes_(seek_over_bytes), packet_(allocated(av_packet_alloc())) {}

bool PacketReader::fetch() {
    if (fetched_) return true;
    fetched_ = next_ >= 0 && next_ < static_cast<int64_t>(index_.packets.size()) && input_.next(*packet_) &&
               packet_->pts == index_.packets[static_cast<size_t>(next_)].pts;
    if (!fetched_) next_ = -1;
    return fetched_;
}

const AVPacket *PacketReader::next() {
    if (!fetch()) return nullptr;
    fetched_ = false;
    ++next_;
    return packet_.get();
}

bool PacketReader::jump(int64_t packet) {
    const auto &packets = index_.packets;
    const int64_t pts = packets[static_cast<size_t>(packet)].pts;
    if (!input_.seek(pts) || !input_.next(*packet_)) return false;
    // Jumps end at some key frame: which one, only its time tells, and it may also be one too late.
    const auto here = std::find_if(packets.begin(), packets.begin() + packet + 1,
                                   [&](const VideoPacket &each) { return each.pts == packet_->pts; });
    if (here == packets.begin() + packet + 1) return false;
    next_ = here - packets.begin();
    fetched_ = true;
    return true;
}

bool PacketReader::go_to(int64_t packet) {
    const auto place = [&](int64_t p) { return index_.packets[static_cast<size_t>(p)].place; };
    const bool ahead = next_ >= 0 && next_ <= packet;
    if (!ahead || place(packet) - place(next_) > seek_over_bytes_) {
        if (!jump(packet)) {
            input_.open();
            next_ = 0;
            fetched_ = false;
        }
    }
    while (next_ < packet) {
        if (!next()) return false;
    }
    return true;
}

} // namespace afnet

#endif
