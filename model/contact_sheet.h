// What the network looked at, as one picture: the clip's frames, those left out crossed, and the answer above them.
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
};

struct ContactSheet {
    std::string label;                                             // the class that was predicted
    double probability = std::numeric_limits<double>::quiet_NaN(); // of that class; NaN: not shown
    std::string detail;                                            // a smaller line below: file, model, ratio, ...
    std::vector<RgbFrame> frames;                                  // the clip, in order
    std::vector<std::string> frame_captions;                       // one per frame, such as "1.25 s"; or empty
    std::vector<ContactSheetRow> rows;                             // empty: all frames, none crossed
    int thumbnail_width = 0;                                       // pixels; 0: as many as suit the number of rows
};

/// Draws the sheet. One row, or none, is laid out as a grid of large thumbnails; several rows as one line of small ones
/// each. Text is ASCII; other characters appear as '?'. Throws Error when there are no frames, or when a row or the
/// captions do not have one entry per frame.
RgbFrame draw_contact_sheet(const ContactSheet &sheet);

} // namespace afnet
