// Classified clips as text for people, JSON lines and CSV for programs, and pictures.
#pragma once

#include <string>
#include <vector>

#include "model/classifier.h"

namespace afnet {

/// Several lines for a terminal.
std::string clip_text(const ClipResult &result);

/// One line of JSON: path, status, error, topk [{label, index, prob}], frames, frame_pts, masks {block: [0/1…]},
/// realised_rt, block_rt {block: ratio}, grid, patches {block: [[0/1…] for each frame]}, realised_rs, block_rs, gmac,
/// ms {decode, preprocess, network}, load_ms {weights, kernels, packing, memory, zero_responses}, warnings.
std::string clip_json(const ClipResult &result, const LoadTimes &load);

/// CSV, quoted as RFC 4180 says, lines ending in LF: a header, then a line per clip: path, status, error, label, index, prob, realised_rt, gmac, decode_ms,
/// preprocess_ms, network_ms.
std::string clips_csv(const std::vector<ClipResult> &results);

/// Writes a contact sheet of the clip's frames, those that `block` rejected crossed in red, patches of the others that
/// it rejected dimmed; `all`: a row per block. `model` tells what it sees of a frame, where patches lie. Throws Error
/// for an unknown block and when the picture cannot be written.
void write_clip_picture(const std::string &path, const ClipResult &result, const std::vector<RgbFrame> &frames,
                        const std::string &block, const ModelDescription &model);

}  // namespace afnet
