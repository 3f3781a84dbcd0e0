// Depthwise convolution as training computes it: one expression, which the forward generator stores and the generators
// of its gradients differentiate. See generators/convolution.h, whose view of the input this shares.
//
//   sum(c, 0, x, y, f) = sum_{u,v} filters(c, 0, u, v) in(c, S x + u - P, S y + v - P, f),   P = (k - 1) / 2
//
// The group, always 0, makes it look to schedules as a convolution does.
#pragma once

#include <functional>

#include "Halide.h"
#include "generators/derivative.h"

namespace afnet::generators {

struct DepthwiseConvolution {
    using Read = std::function<Halide::Expr(Halide::Expr channel, Halide::Expr x, Halide::Expr y, Halide::Expr f)>;
    using Weight = std::function<Halide::Expr(Halide::Expr c, Halide::Expr u, Halide::Expr v)>;

    /// `read` gives the input at a pixel that may lie outside the frame, `weight` a filter's element.
    DepthwiseConvolution(int channels, int kernel, int stride, Halide::Type type, const Read &read,
                         const Weight &weight)
        : channels(channels), kernel(kernel), stride(stride), r(0, kernel, 0, kernel, "r") {
        using Halide::Expr;
        const int padding = (kernel - 1) / 2;
        phases(c, g, s_x, s_y, x, y, f) = read(c, x * stride + s_x, y * stride + s_y, f);
        filters(c, g, u, v) = weight(c, u, v);
        sum(c, g, x, y, f) = Halide::cast(type, 0);
        const Expr column = r.x - padding, row = r.y - padding;
        sum(c, g, x, y, f) += filters(c, g, r.x, r.y) *
                              phases(c, g, column % stride, row % stride, x + column / stride, y + row / stride, f);
    }

    /// Derivatives with respect to everything inside, for d_output(c, g, x, y, f), which is zero outside the frame.
    Halide::Derivative gradients(const Halide::Func &d_output, const Halide::Expr &width, const Halide::Expr &height,
                                 const Halide::Expr &frames) const {
        return Halide::propagate_adjoints(
            sum, d_output, {{0, channels - 1}, {0, 0}, {0, width - 1}, {0, height - 1}, {0, frames - 1}});
    }

    /// d_phases(c, g, S_x, S_y, x, y, f)
    Halide::Func d_phases(const Halide::Derivative &gradients) const {
        Halide::Func d = gradients(phases);
        promise_extents(d, {{0, channels}, {1, 1}, {2, stride}, {3, stride}});
        return d;
    }

    /// d_filters(c, g, u, v)
    Halide::Func d_filters(const Halide::Derivative &gradients) const {
        Halide::Func d = gradients(filters);
        promise_extents(d, {{0, channels}, {1, 1}, {2, kernel}, {3, kernel}});
        return d;
    }

    int channels, kernel, stride;
    Halide::Var c{"c"}, g{"g"}, s_x{"s_x"}, s_y{"s_y"}, x{"x"}, y{"y"}, f{"f"}, u{"u"}, v{"v"};
    Halide::Func phases{"phases"}, filters{"filters"}, sum{"sum"};
    Halide::RDom r;
};

/// What the generators demand of [c, u, v].
template <class Buffer> void depthwise_weights(Buffer &weights, int channels, int kernel) {
    weights.dim(0).set_bounds(0, channels).dim(1).set_bounds(0, kernel).set_stride(channels);
    weights.dim(2).set_bounds(0, kernel).set_stride(channels * kernel);
}

} // namespace afnet::generators
