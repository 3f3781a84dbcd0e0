#include "bench/sparsity_terms.h"

namespace afnet {

const std::vector<std::pair<std::string, std::string>> &sparsity_terms() {
    static const std::vector<std::pair<std::string, std::string>> all = {
        {"RT, realised RT", "The ratio of frames that focal blocks are asked to compute, and the part that they do: a "
                            "whole number of frames, mean over blocks."},
        {"mask",
         "Which frames. first: the first ones of each clip; alternating: every second, then the others; spread: "
         "at equal distances; random: drawn anew for each block and clip; clip: what the network's own "
         "navigation chooses on the given video; none: the network without masks."},
        {"RS, realised RS", "The ratio of patches that focal blocks are asked to compute of the frames that RT leaves, "
                            "and the part of these frames' pixels that they do: mean over blocks."},
        {"patches",
         "Masks in space: which patches of a grid over each frame, and how many across and down. random: any; blob: "
         "those nearest to one that is drawn; crop: a square window at a place that is drawn; border, centre: nearest "
         "to the frame's edges, to its middle; learned: what the network's own spatial navigation chooses on the given "
         "video."},
        {"without masks", "The same network with the same weights, compiled without navigation, work lists and fills: "
                          "focal blocks compute all frames with the kernels of any other block. It runs in turn with "
                          "the others."},
        {"gated kernels", "Those of focal blocks, which compute selected frames and patches only."},
        {"theory",
         "The time without masks, less the part (1 - r) of the time that each focal block's gated kernels take "
         "there, where r is the block's realised RT, times its realised RS. It allows for what each kernel costs, not "
         "for its MACs "
         "alone."},
        {"speed-up", "Time without masks over time with masks, medians of the same run; theoretical: over theory. "
                     "Of half the rounds: the quartiles of what single rounds give."},
        {"share", "(speed-up - 1) / (theoretical speed-up - 1): the part of the possible gain that is had. 1 is all of "
                  "it, below 0 masks cost time. At RT 1 there is no gain to be had."},
        {"share_macs", "The same with the ratio of MACs for the theoretical speed-up."},
        {"break-even RT", "The largest RT at which the network with masks takes no longer than without, interpolated "
                          "between measured ones."},
        {"break-even RS",
         "The same of masks in space, against the network that computes the same frames with all their "
         "patches, and has no masks in space."},
        {"navigation", "Mean over pixels and gate, which decide; they run although masks are forced."},
        {"spatial navigation", "What decides on patches. It runs although masks are forced; a network without one gets "
                               "one of made-up weights."},
        {"index building", "A mask becomes a list of frames."},
        {"patch choice, patch lists", "Whether a block computes its patches by lists or all of its pixels; a mask in "
                                      "space becomes lists of points and tiles."},
        {"gather, compact, scatter", "The first, middle and last kernels of focal blocks, beyond the part r of their "
                                     "time without masks: what it costs to read by a list, to compute few frames, and "
                                     "to add onto frames of a list."},
        {"fill",
         "What unselected frames get from a focal block: the response to a frame of zeroes. Unselected pixels of "
         "selected frames get the last convolution's bias; where all pixels are computed, they are cleared "
         "between layers."},
        {"other layers", "Layers that masks do not touch, with masks less without: caches and noise."},
        {"between kernels", "Time of a run outside its kernels, with masks less without."},
        {"GMAC", "1e9 multiply-accumulates, of convolutions and linears."},
        {"MACs per byte",
         "MACs over the bytes that a kernel must move at the least: every element of what it reads and "
         "of what it writes, once. A kernel whose data stay in a cache may be above memory's roof."},
        {"FMA peak", "Multiply-accumulates per second of all threads busy in registers, measured in every round."},
    };
    return all;
}

} // namespace afnet
