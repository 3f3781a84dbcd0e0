#include "runtime/media_switches.h"
#if AFNET_WITH_FFMPEG

#include "runtime/packet_facts.h"

#include <cstdint>
#include <cstring>

namespace afnet {

namespace {

// Calls `visit(type)` for each unit of an H.264 packet in the MP4 and Matroska layout: length, unit, length, unit...
template <typename Visit> void visit_h264_units(const AVPacket &packet, int length_bytes, const Visit &visit) {
    int64_t at = 0;
    while (at + length_bytes < packet.size) {
        int64_t length = 0;
        for (int i = 0; i < length_bytes; ++i)
            length = length << 8 | packet.data[at + i];
        at += length_bytes;
        visit(packet.data[at] & 31);
        at += length;
    }
}

// A key frame in H.264 may be one from which decoding only recovers after a while, or whose successors refer to what
// came before. Only an IDR picture cuts all ties.
bool holds_idr(const AVPacket &packet, const AVCodecParameters &parameters) {
    const bool has_lengths = parameters.extradata_size >= 5 && parameters.extradata[0] == 1;
    if (!has_lengths) return false;
    constexpr int kIdrSlice = 5;
    bool found = false;
    visit_h264_units(packet, (parameters.extradata[4] & 3) + 1, [&](int type) { found |= type == kIdrSlice; });
    return found;
}

// The first bits of a VP9 picture: marker 10, two bits of profile (and a reserved one in profile 3), then whether an
// older picture is shown again; if not, the kind of the picture and whether it is shown.
bool vp9_shows(const AVPacket &packet) {
    const int bits = packet.data[0];
    const bool superframe = (packet.data[packet.size - 1] & 0xe0) == 0xc0; // several pictures, the last one shown
    const int profile = (bits >> 5 & 1) | (bits >> 3 & 2);
    if (superframe || profile == 3) return true;
    const bool shows_older = bits >> 3 & 1;
    return shows_older || (bits >> 1 & 1);
}

} // namespace

bool packets_are_frames(const char *format_name, AVCodecID codec) {
    // Elsewhere packets may hold single fields (MPEG-TS), lack time stamps (AVI, raw streams), or be placeholders.
    if (!std::strstr(format_name, "mp4") && !std::strstr(format_name, "matroska")) return false;
    switch (codec) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1:
    case AV_CODEC_ID_MJPEG:
        return true;
    default:
        return false;
    }
}

bool shows_picture(const AVPacket &packet, AVCodecID codec) {
    if (packet.flags & AV_PKT_FLAG_DISCARD) return false; // an edit list cuts it off
    if (packet.size < 1) return false;
    if (codec == AV_CODEC_ID_VP8) return packet.data[0] >> 4 & 1;
    if (codec == AV_CODEC_ID_VP9) return vp9_shows(packet);
    return true;
}

bool is_restart(const AVPacket &packet, const AVStream &stream) {
    if (!(packet.flags & AV_PKT_FLAG_KEY)) return false;
    return stream.codecpar->codec_id != AV_CODEC_ID_H264 || holds_idr(packet, *stream.codecpar);
}

} // namespace afnet

#endif
