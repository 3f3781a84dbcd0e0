// What single packets say about themselves before anything is decoded.
#pragma once

#include "runtime/ffmpeg_handles.h"

namespace afnet {

/// Whether, in this container and codec, each packet holds exactly one frame with a time stamp of its own, apart from
/// the packets that shows_picture() denies.
bool packets_are_frames(const char *format_name, AVCodecID codec);

/// False for packets whose picture is only there for others to refer to.
bool shows_picture(const AVPacket &packet, AVCodecID codec);

/// Whether no picture shown later than this packet's needs anything that came before the packet.
bool is_restart(const AVPacket &packet, const AVStream &stream);

} // namespace afnet
