// What the network looked at, as one picture: the clip's frames, those left out crossed, patches of the others that
// were left out dimmed, and the answer above them.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "runtime/rgb_frame.h"

namespace afnet {

/// One decision about all frames of the clip, such as that of one block.
struct ContactSheetRow {
    std::string caption;        // for instance "layer2.1"
    std::vector<bool> selected; // one per frame; the frames that were left out are crossed
    int grid = 0;               // patches across and down a frame; 0: selected frames were looked at whole
    std::vector<int> patches;   // [column, row, frame], 1: looked at; the others of selected frames are dimmed
};

/// A rectangle of a frame, in parts of its width and height.
struct FramePart {
    double left = 0, top = 0, width = 1, height = 1;
};

struct ContactSheet {
    std::string label;                                             // the class that was predicted
    double probability = std::numeric_limits<double>::quiet_NaN(); // of that class; NaN: not shown
    std::string detail;                                            // a smaller line below: file, model, ratio, ...
    std::vector<RgbFrame> frames;                                  // the clip, in order
    std::vector<std::string> frame_captions;                       // one per frame, such as "1.25 s"; or empty
    std::vector<ContactSheetRow> rows;                             // empty: all frames, none crossed
    FramePart seen;                                                // of a frame; patches are those of this part
    int thumbnail_width = 0;                                       // pixels; 0: as many as suit the number of rows
};

/// Draws the sheet. One row, or none, is laid out as a grid of large thumbnails; several rows as one line of small ones
/// each. Text is ASCII; other characters appear as '?'. Throws Error when there are no frames, or when a row, its
/// patches or the captions do not have one entry per frame.
RgbFrame draw_contact_sheet(const ContactSheet &sheet);

} // namespace afnet
