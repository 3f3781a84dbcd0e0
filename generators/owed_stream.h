// A focal stream as its last reader sees it: with the responses that pixels are owed, and the F(0) of rejected frames.
#pragma once

#include <vector>

#include "generators/owed_responses.h"
#include "generators/patch_grid.h"
#include "generators/zero_response.h"

namespace afnet::generators {

/// The stream `state` [c / e, e, x, y, f] with all that its pixels are owed.
template <class State, class Owed, class Responses> class OwedStream {
public:
    OwedStream(State &state, Owed &owed, Responses &responses, bool shift)
        : state_(state), owed_(owed), responses_(responses), shift_(shift) {
        Halide::Var i("i");
        column_(i) = patch_of(i, state.dim(2).extent(), owed.dim(0).extent());
        row_(i) = patch_of(i, state.dim(3).extent(), owed.dim(1).extent());
        frames_from_zero(state);
        frames_from_zero(owed);
        owed.dim(2).set_bounds(0, owed_parts(shift));
        frames_from_zero(responses);
    }

    Halide::Expr finished(const Halide::Expr &c, const Halide::Expr &e, const Halide::Expr &x, const Halide::Expr &y,
                          const Halide::Expr &f) {
        const Halide::Expr j = owed_entry(owed_(column_(x), row_(y), owed_part(e, shift_), f), responses_);
        return with_owed(state_(c, e, x, y, f), responses_, c, e, j);
    }

    /// The patches of columns and rows.
    std::vector<Halide::Func> tables() const { return {column_, row_}; }

private:
    State &state_;
    Owed &owed_;
    Responses &responses_;
    bool shift_;
    Halide::Func column_{"column"}, row_{"row"};
};

/// `value` at `at` (c, e, x, y, f) of frames like those of `map`, and F(0) where `mask` rejects the frame, if a block
/// with a `kernel` x `kernel` convolution still owes it (kernel 0: none does; generators/zero_response.h).
template <class Residual, class Mask, class Map>
Halide::Expr with_rejected(const Halide::Expr &value, Residual *residual, Mask *mask, Map &map,
                           const std::vector<Halide::Expr> &at, int kernel) {
    if (kernel == 0) return value;
    const auto distinct = [&](int dimension) {
        return distinct_position(at[size_t(dimension)], map.dim(dimension).extent(), residual->dim(dimension).extent(),
                                 kernel);
    };
    frames_from_zero(*residual);
    frames_from_zero(*mask);
    return value + Halide::select((*mask)(at[4]) != 0, 0.0f, (*residual)(at[0], at[1], distinct(2), distinct(3), 0));
}

} // namespace afnet::generators
