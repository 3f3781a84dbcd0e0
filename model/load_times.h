// Where the time goes before the first clip.
#pragma once

#include <chrono>

namespace afnet {

/// Wall time in milliseconds.
struct LoadTimes {
    double weights = 0;        // mapping and checking the weights file
    double kernels = 0;        // manifests, lowering, opening kernel libraries
    double memory = 0;         // having the system give the activations' memory; on a device a first run
    double packing = 0;        // reading, folding and packing weights
    double zero_responses = 0; // F(0) of every focal block
};

/// Time since the last lap, or since it was made.
class LapClock {
public:
    double lap_ms() {
        const auto now = std::chrono::steady_clock::now();
        const double ms = std::chrono::duration<double, std::milli>(now - begin_).count();
        begin_ = now;
        return ms;
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

} // namespace afnet
