// TSM: the first eighth of a tensor's channels comes from the next frame, the second from the previous one, the rest
// from the frame itself; beyond the ends of a clip there are zeros.
#pragma once

#include <vector>

#include "Halide.h"

namespace afnet::generators {

/// A Func in three updates, one per group of channels.
struct TemporalShift {
    Halide::Func shifted;               // [c, x, y, f]
    std::vector<Halide::RVar> channels; // of the updates
};

/// `frame(c, x, y, f)` moved by `step` (1: from the next frame, as the network shifts; -1: back, as gradients do)
/// within clips of `clip` frames. `frames` is the number of them all; no other is read.
template <class Frame>
TemporalShift temporal_shift(const std::string &name, const Frame &frame, int step, const Halide::Expr &channels,
                             const Halide::Expr &clip, const Halide::Expr &frames, const Halide::Type &type) {
    using namespace Halide;
    Var c("c"), x("x"), y("y"), f("f");
    const Expr fold = channels / 8, t = f % clip;
    TemporalShift result{Func(name), {}};
    result.shifted(c, x, y, f) = undef(type);
    const auto moved = [&](const Expr &begin, const Expr &count, int by) {
        const RDom group(begin, count, name + "_channels");
        const Expr inside = by == 0 ? Expr(true) : by > 0 ? t + by < clip : t + by >= 0;
        const Expr value = frame(group.x, x, y, clamp(f + by, 0, frames - 1));
        result.shifted(group.x, x, y, f) = by == 0 ? value : select(inside, value, Internal::make_const(type, 0));
        result.channels.push_back(group.x);
    };
    moved(0, fold, step);
    moved(fold, fold, -step);
    moved(2 * fold, channels - 2 * fold, 0);
    return result;
}

/// The same of the frames of a work list: `source(kind, s)` names the frame that listed frame s reads as its own (0),
/// its next (1) or previous (2); one of `frames` and more is beyond the clip's ends.
template <class Frame, class Source>
TemporalShift listed_shift(const std::string &name, const Frame &frame, const Source &source,
                           const Halide::Expr &channels, const Halide::Expr &frames, const Halide::Type &type) {
    using namespace Halide;
    Var c("c"), x("x"), y("y"), s("s");
    const Expr fold = channels / 8;
    TemporalShift result{Func(name), {}};
    result.shifted(c, x, y, s) = undef(type);
    const auto listed = [&](const Expr &begin, const Expr &count, int kind) {
        const RDom group(begin, count, name + "_channels");
        const Expr from = source(kind, s), value = frame(group.x, x, y, clamp(from, 0, frames - 1));
        result.shifted(group.x, x, y, s) = select(from < frames, value, Internal::make_const(type, 0));
        result.channels.push_back(group.x);
    };
    listed(0, fold, 1);
    listed(fold, fold, 2);
    listed(2 * fold, channels - 2 * fold, 0);
    return result;
}

} // namespace afnet::generators
