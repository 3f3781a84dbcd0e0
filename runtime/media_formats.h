// Which containers and codecs may run on files that nobody vouches for. FFmpeg knows hundreds, some of which open other
// files or addresses (playlists), and each is code that a crafted file can reach.
#pragma once

#include <string>

#include "runtime/ffmpeg_handles.h"

namespace afnet {

/// FFmpeg's names of the accepted containers and of the accepted decoders, separated by commas.
extern const char *const kAcceptedFormats;
extern const char *const kAcceptedDecoders;

/// Whether FFmpeg's format of this name (or names, separated by commas) is accepted.
bool accepted_format(const char *names);

/// The decoder for the stream, or null when there is none or this project does not let it run.
const AVCodec *accepted_decoder(const AVStream &stream);

/// FFmpeg's input format for video capture devices. Throws Error naming `device` when this machine has none.
const AVInputFormat *capture_format(const std::string &device);

} // namespace afnet
