// What to ask of a camera.
#pragma once

namespace afnet {

/// A size or a rate of 0 leaves the choice to the device.
struct CaptureSettings {
    int width = 0;  // pixels
    int height = 0; // pixels
    double frames_per_second = 0;
};

} // namespace afnet
