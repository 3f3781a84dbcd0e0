// The synthetic data sets as a list, and what one folder of clips is made by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/synthetic_clip.h"

namespace afnet {

/// Everything that a folder of clips follows from.
struct SyntheticSettings {
    std::string data_set;
    uint64_t seed = 1;
    int64_t first = 0, clips = 0; // numbers of the clips: `first` and the `clips` - 1 that follow
    int frames = 8;               // T
    int keys = 0;                 // key frames of a clip, for data sets that have them; else 0
    int size = 0;                 // columns and rows of the video
    int hold = 2;                 // times that the video shows each frame
    int fps = 16;                 // of the video
    int qp = 12;                  // quantisation of the video
};

/// Bounds on these.
constexpr int64_t kMostClips = 1'000'000;
constexpr int64_t kLastClip = 1'000'000'000;
constexpr int kMostFrames = 256;
constexpr int kMostSize = 1024;
constexpr int kMostHold = 64;

/// One data set.
struct SyntheticDataSet {
    std::string name;
    int side = 0;                     // columns and rows that it is drawn at
    int default_size = 0;             // of the video
    int default_keys = 0;             // key frames of a clip; 0: the data set has none
    int grid = 0;                     // patches across and down a frame, one of which shows the class; 0: it has none
    std::vector<std::string> classes; // names, by label
    bool has_keys() const { return default_keys > 0; }
};

const std::vector<SyntheticDataSet> &synthetic_data_sets();

/// The one with this name. Throws UsageError, with the names that there are.
const SyntheticDataSet &synthetic_data_set(const std::string &name);

/// Fills in what depends on the data set and is 0, `size` and `keys`. Throws UsageError where settings contradict each
/// other or are out of range.
void complete_settings(SyntheticSettings &settings);

/// Clip number `clip`, not counted from `settings.first`, at the side that it is drawn at.
SyntheticClip draw_clip(const SyntheticSettings &settings, uint32_t clip);

} // namespace afnet
