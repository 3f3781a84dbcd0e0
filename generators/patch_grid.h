// Grids of patches over maps: which pixels a patch averages over, and which it stands for when a mask is enlarged
// (AFNET_SPEC §11). A grid may have more patches than the map has pixels.
#pragma once

#include "Halide.h"

namespace afnet::generators {

/// The patch that nearest upsampling gives a pixel: floor(pixel patches / pixels).
inline Halide::Expr patch_of(const Halide::Expr &pixel, const Halide::Expr &pixels, const Halide::Expr &patches) {
    return Halide::clamp(pixel * patches / pixels, 0, patches - 1);
}

/// A run of pixels, [begin, end).
struct Run {
    Halide::Expr begin, end;
    Halide::Expr length() const { return end - begin; }
};

/// The pixels whose patch_of() is `patch`; there may be none.
inline Run pixels_of(const Halide::Expr &patch, const Halide::Expr &pixels, const Halide::Expr &patches) {
    const auto first = [&](const Halide::Expr &p) { return (p * pixels + patches - 1) / patches; };
    return {first(patch), first(patch + 1)};
}

/// No patch stands for more pixels.
inline Halide::Expr most_pixels(const Halide::Expr &pixels, const Halide::Expr &patches) {
    return (pixels + patches - 1) / patches;
}

/// The pixels that adaptive average pooling averages over, as PyTorch has it: from floor(patch pixels / patches) to
/// ceil((patch + 1) pixels / patches). Neighbours may overlap.
inline Run window_of(const Halide::Expr &patch, const Halide::Expr &pixels, const Halide::Expr &patches) {
    return {patch * pixels / patches, ((patch + 1) * pixels + patches - 1) / patches};
}

/// No window is longer.
inline Halide::Expr most_of_window(const Halide::Expr &pixels, const Halide::Expr &patches) {
    return (pixels + patches - 1) / patches + 1;
}

/// The patches whose window has the pixel: windows_of(p, n, g) has window w where window_of(w, n, g) has pixel p.
inline Run windows_of(const Halide::Expr &pixel, const Halide::Expr &pixels, const Halide::Expr &patches) {
    return window_of(pixel, patches, pixels);
}

} // namespace afnet::generators
