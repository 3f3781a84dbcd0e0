// The kernels that tests call directly. One list: the test specs program prints it, `afnet compile --specs` compiles it
// for every target, tests look their kernels up by spec.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/dtype.h"
#include "runtime/kernel_spec.h"

namespace afnet {

/// Libraries of test kernels, as compile's --name.
constexpr const char *kTestLibrary = "test_kernels";
constexpr const char *kHeadLibrary = "test_kernels_heads";        // training of heads, gates and losses
constexpr const char *kPrefetchLibrary = "test_kernels_prefetch"; // asking for the next tile's pixels, always
constexpr const char *kDirectLibrary = "test_kernels_direct";     // no minimal filtering
constexpr const char *kTracedLibrary = "test_kernels_traced";     // every store reported to Halide's trace hook
constexpr const char *kSpatialLibrary = "test_kernels_spatial";   // lists of tiles and points
constexpr const char *kListedPointsLibrary = "test_kernels_listed_points";   // what moves pixels, on CPUs
constexpr const char *kPointPrefetchLibrary = "test_kernels_point_prefetch"; // asking for later points, always
constexpr const char *kConvolutionGradients = "test_kernels_convolution_gradients";

KernelSpec conv2d_spec(int ci, int co, int kernel, int stride = 1, int groups = 1, const char *activation = "linear",
                       bool add_residual = false, bool gather = false, bool shift = false, bool scatter = false);
KernelSpec depthwise_spec(int channels, int kernel, int stride, const char *activation, bool shift);
KernelSpec expand_depthwise_spec(int ci, int co, int kernel, int stride, int groups, const char *expanded,
                                 const char *activation, bool gather = false, bool shift = false);
KernelSpec gated_projection_spec(int ci, int co, int groups, const char *activation, bool add_residual = false,
                                 bool scatter = false);
/// A 1x1 convolution at listed points: of a stream, or with `scatter` onto it.
KernelSpec conv2d_points_spec(int ci, int co, int groups, const char *activation, bool shift, bool scatter);
/// A 3x3 convolution at listed points; in tiles of `side`, or point by point with side 1.
KernelSpec conv2d_neighbours_spec(int ci, int co, int groups, int side);
KernelSpec activated(const char *generator, const char *activation);

/// The same kernel on activations of `dtype`.
KernelSpec with_dtype(KernelSpec spec, Dtype dtype);

/// Of all dtypes.
std::vector<KernelSpec> test_kernels();
std::vector<KernelSpec> traced_kernels();
/// Convolutions of training and their gradients, f32 and f64.
std::vector<KernelSpec> convolution_gradient_kernels();

/// Lists of tiles and what computes them.
std::vector<KernelSpec> spatial_kernels();

/// A library of test kernels with knobs that the schedules would not choose by themselves.
struct KernelVariant {
    std::string library;
    std::map<std::string, int> knobs;
    std::vector<KernelSpec> specs;
};
std::vector<KernelVariant> kernel_variants();

} // namespace afnet
