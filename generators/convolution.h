// Convolution as training computes it: one expression, which the forward generator stores and the generators of its
// gradients differentiate.
//
//   sum(c, g, x, y, f) = sum_{i,u,v} filters(c, i, g, u, v) in(i, g, S x + u - P, S y + v - P, f),   P = (k - 1) / 2
//
// The input is read through `phases`, a view that splits columns and rows by their remainder modulo the stride:
// phases(i, g, S_x, S_y, x, y, f) = in(i, g, S x + S_x, S y + S_y, f). The adjoint of an access with stride is a
// scatter; that of an access to this view is a sum at each of its elements. The view is inlined and costs nothing.
#pragma once

#include <functional>
#include <vector>

#include "Halide.h"
#include "generators/derivative.h"

namespace afnet::generators {

struct ConvolutionShape {
    int ci, co, kernel, stride, groups;
    int inputs() const { return ci / groups; }  // channels of a group
    int outputs() const { return co / groups; } // channels of a group
    int padding() const { return (kernel - 1) / 2; }
};

/// The pixels that a convolution is computed at: some variables, and the place that they make. A gradient to weights
/// sums over all of them, so that what is a variable here can be a loop there.
struct Pixels {
    std::vector<Halide::Var> vars;
    Halide::Expr x, y, f;
};

struct Convolution {
    using Read = std::function<Halide::Expr(Halide::Expr channel, Halide::Expr g, Halide::Expr x, Halide::Expr y,
                                            Halide::Expr f)>;
    using Weight =
        std::function<Halide::Expr(Halide::Expr c, Halide::Expr i, Halide::Expr g, Halide::Expr u, Halide::Expr v)>;

    /// `read` gives the input at a pixel that may lie outside the frame, `weight` a filter's element.
    Convolution(const ConvolutionShape &shape, Halide::Type type, const Read &read, const Weight &weight)
        : Convolution(shape, type, read, weight,
                      {{Halide::Var("x"), Halide::Var("y"), Halide::Var("f")},
                       Halide::Var("x"),
                       Halide::Var("y"),
                       Halide::Var("f")}) {}
    Convolution(const ConvolutionShape &shape, Halide::Type type, const Read &read, const Weight &weight,
                const Pixels &at)
        : shape(shape), r(0, shape.inputs(), 0, shape.kernel, 0, shape.kernel, "r") {
        using Halide::Expr;
        const int s = shape.stride;
        phases(i, g, s_x, s_y, x, y, f) = read(i, g, x * s + s_x, y * s + s_y, f);
        filters(c, i, g, u, v) = weight(c, i, g, u, v);
        std::vector<Halide::Var> place = {c, g};
        place.insert(place.end(), at.vars.begin(), at.vars.end());
        sum(place) = Halide::cast(type, 0);
        const Expr column = r.y - shape.padding(), row = r.z - shape.padding();
        sum(place) +=
            filters(c, r.x, g, r.y, r.z) * phases(r.x, g, column % s, row % s, at.x + column / s, at.y + row / s, at.f);
    }

    /// Derivatives with respect to everything inside, for d_output(c, g, pixel), which is zero outside the frame.
    /// `extents` are those of the pixel's variables.
    Halide::Derivative gradients(const Halide::Func &d_output, const std::vector<Halide::Expr> &extents) const {
        // Derivative.cpp takes the second of each pair for the largest place, whatever its header says.
        Halide::Region region = {{0, shape.outputs() - 1}, {0, shape.groups - 1}};
        for (const Halide::Expr &extent : extents)
            region.emplace_back(0, extent - 1);
        return Halide::propagate_adjoints(sum, d_output, region);
    }

    /// d_phases(i, g, S_x, S_y, x, y, f)
    Halide::Func d_phases(const Halide::Derivative &gradients) const {
        Halide::Func d = gradients(phases);
        promise_extents(d, {{0, shape.inputs()}, {1, shape.groups}, {2, shape.stride}, {3, shape.stride}});
        return d;
    }

    /// d_filters(c, i, g, u, v)
    Halide::Func d_filters(const Halide::Derivative &gradients) const {
        Halide::Func d = gradients(filters);
        promise_extents(
            d, {{0, shape.outputs()}, {1, shape.inputs()}, {2, shape.groups}, {3, shape.kernel}, {4, shape.kernel}});
        return d;
    }

    ConvolutionShape shape;
    Halide::Var c{"c"}, i{"i"}, g{"g"}, s_x{"s_x"}, s_y{"s_y"}, x{"x"}, y{"y"}, f{"f"}, u{"u"}, v{"v"};
    Halide::Func phases{"phases"}, filters{"filters"}, sum{"sum"};
    Halide::RDom r;
};

/// Channel `c` of all as its number within its group and as its group's. Halide's bounds need care with the remainder:
/// where `block` divides the group, blocks of channels stay blocks.
inline Halide::Expr within_group(const Halide::Expr &c, int channels, int groups, int block) {
    if (groups == 1) return c;
    if (channels % block != 0) return c % channels;
    return c / block % (channels / block) * block + c % block;
}
inline Halide::Expr group_of(const Halide::Expr &c, int channels, int groups) {
    return groups == 1 ? Halide::Expr(0) : c / channels;
}

/// Channel block * size + b of `channels`; the last block's excess reads the last channel again, and is never stored.
inline Halide::Expr blocked_channel(const Halide::Expr &block, const Halide::Expr &b, int size, int channels) {
    const Halide::Expr channel = block * size + b;
    return channels % size == 0 ? channel : Halide::min(channel, channels - 1);
}

/// What each of the generators demands of its buffers.
template <class Buffer> void training_frames(Buffer &buffer, int channels, bool with_border = false) {
    buffer.dim(0).set_bounds(0, channels);
    buffer.dim(1).set_stride(channels);
    if (!with_border) {
        buffer.dim(1).set_min(0);
        buffer.dim(2).set_min(0);
    }
    buffer.dim(3).set_min(0);
}
template <class Buffer> void training_weights(Buffer &weights, const ConvolutionShape &shape) {
    const int k = shape.kernel, filter = shape.co * shape.inputs();
    weights.dim(0).set_bounds(0, shape.co).dim(1).set_bounds(0, shape.inputs()).set_stride(shape.co);
    weights.dim(2).set_bounds(0, k).set_stride(filter).dim(3).set_bounds(0, k).set_stride(filter * k);
}

} // namespace afnet::generators
