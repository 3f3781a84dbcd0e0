// The sample video of scripts/make-sample-video, as the user's inputs that the tests of the program need.
#pragma once

#include <string>

#include "tests/runtime/media_fixture.h"

namespace afnet_test {

/// True, with a remark, where the samples cannot be made.
inline bool no_samples() {
    static const bool missing = missing_encoder("libx264");
    return missing;
}

/// 120 frames of 320 x 240, 30 a second. Made once for all tests of a process.
inline const std::string &sample_video() {
    static const afnet::TemporaryFolder folder;
    static const std::string path = folder.file("sample.mp4");
    static const bool made = runs(AFNET_SOURCE_DIR "/scripts/make-sample-video '" + path + "'");
    if (!made) throw std::runtime_error("scripts/make-sample-video failed");
    return path;
}

/// The same frames in MPEG-TS, which can be read from front to back.
inline const std::string &sample_stream() {
    static const afnet::TemporaryFolder folder;
    static const std::string path = folder.file("sample.ts");
    static const bool made = (ffmpeg("-i '" + sample_video() + "' -c copy '" + path + "'"), true);
    (void)made;
    return path;
}

/// Its frames as JPEG pictures 00001.jpg and so on, in a folder.
inline const std::string &sample_frames() {
    static const afnet::TemporaryFolder folder;
    static const bool made = (ffmpeg("-i '" + sample_video() + "' -q:v 2 '" + folder.file("%05d.jpg") + "'"), true);
    (void)made;
    return folder.path();
}

}  // namespace afnet_test
