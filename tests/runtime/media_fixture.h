// Files, and videos made and decoded by the ffmpeg program: what the tests of the video input compare with.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/temporary_folder.h"

namespace afnet_test {

using Bytes = std::vector<uint8_t>;

inline Bytes read_bytes(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
}

inline void write_bytes(const std::string &path, const Bytes &bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
}

inline void write_text(const std::string &path, const std::string &text) {
    write_bytes(path, Bytes(text.begin(), text.end()));
}

inline bool runs(const std::string &command) {
    return std::system(command.c_str()) == 0;
}

/// Runs ffmpeg with these arguments, quietly; throws when it fails.
inline void ffmpeg(const std::string &arguments) {
    if (!runs("ffmpeg -nostdin -v error -y " + arguments)) throw std::runtime_error("ffmpeg " + arguments);
}

inline bool has_ffmpeg() {
    static const bool there = runs("ffmpeg -version >/dev/null 2>&1");
    return there;
}

inline bool has_encoder(const std::string &name) {
    return has_ffmpeg() && runs("ffmpeg -v error -encoders | grep -q '^ V[.A-Z]* " + name + " '");
}

/// True, with a remark, when there is no ffmpeg program or it lacks the encoder: the test then cannot run.
inline bool missing_encoder(const std::string &name) {
    if (has_encoder(name)) return false;
    WARN("no ffmpeg program with the encoder " << name << ": not tested");
    return true;
}

/// An H.264 video of 75 moving frames of 96x64, with several groups of pictures and B frames. `more`: further options.
inline void make_plain_video(const std::string &path, const std::string &more = "") {
    ffmpeg("-f lavfi -i testsrc2=size=96x64:rate=30 -frames:v 75 -c:v libx264 -pix_fmt yuv420p -g 12 -bf 3 " + more +
           " '" + path + "'");
}

/// What ffmpeg decodes from start to end, frame after frame, in its own pixel format. `options` go before the input.
inline Bytes decoded_planes(const std::string &video, const afnet::TemporaryFolder &folder,
                            const std::string &options = "") {
    const std::string raw = folder.file("planes.raw");
    ffmpeg("-noautorotate " + options + " -i '" + video + "' -map 0:v:0 -vsync passthrough -f rawvideo '" + raw + "'");
    return read_bytes(raw);
}

/// The same in RGB with the conversion that the project promises, then through ffmpeg's filter `turn`.
inline Bytes decoded_rgb(const std::string &video, const afnet::TemporaryFolder &folder,
                         const std::string &turn = "null") {
    const std::string raw = folder.file("rgb.raw");
    ffmpeg("-noautorotate -i '" + video +
           "' -map 0:v:0 -vsync passthrough -vf 'scale=sws_flags=bilinear+accurate_rnd+"
           "full_chroma_int+full_chroma_inp+bitexact,format=rgb24," +
           turn + "' -f rawvideo '" + raw + "'");
    return read_bytes(raw);
}

/// RGB as a player shows it: turned before it is converted, and converted carelessly.
inline Bytes played_rgb(const std::string &video, const afnet::TemporaryFolder &folder) {
    const std::string raw = folder.file("played.raw");
    ffmpeg("-i '" + video + "' -map 0:v:0 -vsync passthrough -pix_fmt rgb24 -f rawvideo '" + raw + "'");
    return read_bytes(raw);
}

} // namespace afnet_test
