// Responses that pixels are still owed (docs/spatial.md). A focal block leaves act(state + response) on the pixels that
// its spatial mask rejects. Most of these are read by no block before the module ends, so a response waits until one
// is:
//
//   owed(px, py, k, f)   of patch (px, py) of frame f: 0: nothing; j: the responses of the module's jth block and of
//                        all that followed it
//   k                    the part of the channels: with TSM (AFNET_SPEC §2.9) the frame before reads the first eighth
//                        of a pixel, the frame behind the second one, the frame itself the rest: 0, 1, 2. Else all: 0.
//
// Several responses in turn are one step, because activations are linear or ReLU:
//
//   value = max(state + responses(c, 0, j), responses(c, 1, j))
#pragma once

#include "generators/layout.h"

namespace afnet::generators {

/// Parts of the channels that differ in who reads them.
inline int owed_parts(bool shift) {
    return shift ? 3 : 1;
}

/// The part that an eighth of the channels belongs to; without shift all channels are one `eighth`.
inline Halide::Expr owed_part(const Halide::Expr &eighth, bool shift) {
    return shift ? Halide::min(eighth, 2) : Halide::Expr(0);
}

/// Who computes what in one focal block.
template <class Mask, class Counts> struct PatchDecision {
    Mask &patches;  // [gx, gy, f], not 0: the block computes the patch
    Counts &frames; // [f], not 0: the temporal mask selects the frame
    Counts &whole;  // [1], above 0: selected frames are computed with all their pixels
    Halide::Expr frames_per_clip;

    Halide::Expr selected(const Halide::Expr &f) const { return frames(f) != 0; }

    Halide::Expr computed(const Halide::Expr &px, const Halide::Expr &py, const Halide::Expr &f) const {
        return selected(f) && (whole(0) > 0 || patches(px, py, f) != 0);
    }

    /// Whether somebody needs this part of the patch's channels as it is: a computed pixel, that of the frame before or
    /// behind by TSM, or what finishes a frame that the temporal mask rejects.
    Halide::Expr read(const Halide::Expr &px, const Halide::Expr &py, const Halide::Expr &part, const Halide::Expr &f,
                      bool shift) const {
        const Halide::Expr whole_pixel = !selected(f) || computed(px, py, f);
        if (!shift) return whole_pixel;
        const Halide::Expr t = f % frames_per_clip, last = frames.dim(0).extent() - 1;
        const Halide::Expr before = t > 0 && computed(px, py, Halide::clamp(f - 1, 0, last));
        const Halide::Expr behind = t + 1 < frames_per_clip && computed(px, py, Halide::clamp(f + 1, 0, last));
        return whole_pixel || (part == 0 && before) || (part == 1 && behind);
    }
};

template <class Mask, class Counts>
PatchDecision<Mask, Counts> patch_decision(Mask &patches, Counts &frames, Counts &whole, Halide::Expr frames_per_clip) {
    frames_from_zero(patches);
    frames_from_zero(frames);
    whole.dim(0).set_bounds(0, 1);
    return {patches, frames, whole, Halide::max(frames_per_clip, 1)};
}

/// A value with the responses that it is owed, as entry j of `responses` [channel, eighth, (addend, floor), j].
template <class Responses>
Halide::Expr with_owed(const Halide::Expr &state, Responses &responses, const Halide::Expr &channel,
                       const Halide::Expr &eighth, const Halide::Expr &j) {
    return Halide::max(state + responses(channel, eighth, 0, j), responses(channel, eighth, 1, j));
}

/// An entry of `owed` that cannot lead out of `responses`.
template <class Responses> Halide::Expr owed_entry(const Halide::Expr &owed, Responses &responses) {
    return Halide::clamp(owed, 0, responses.dim(3).extent() - 1);
}

} // namespace afnet::generators
