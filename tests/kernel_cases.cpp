#include "tests/kernel_cases.h"

#include <set>

#include "tests/normalization_cases.h"
#include "tests/sparse_training_cases.h"
#include "tests/spatial_training_cases.h"

namespace afnet {

namespace {

// And the bf16 kernels of those that read or write activations.
std::vector<KernelSpec> for_all_dtypes(std::vector<KernelSpec> specs) {
    const std::set<std::string> on_activations = {"conv2d",        "depthwise",      "expand_depthwise",
                                                  "stem",          "avg_pool",       "spatial_mean",
                                                  "fuse_branches", "scale_channels", "fill_unselected",
                                                  "add_branches"};
    for (size_t i = 0, count = specs.size(); i < count; i++) {
        if (on_activations.count(specs[i].generator)) specs.push_back(with_dtype(specs[i], Dtype::BF16));
    }
    return specs;
}

// What trains heads, gates and losses, in both dtypes of training.
std::vector<KernelSpec> head_kernels() {
    std::vector<KernelSpec> specs = {KernelSpec("dropout"), KernelSpec("navigation_forward"),
                                     KernelSpec("navigation_grad"), KernelSpec("consensus_loss")};
    for (const char *activation : {"linear", "relu", "hswish", "sigmoid", "hsigmoid"}) {
        for (const char *generator : {"linear_forward", "activation_forward", "activation_grad"})
            specs.push_back(activated(generator, activation));
        if (activation == std::string("hswish")) continue;
        specs.push_back(activated("linear_grad_input", activation).set("accumulate", false));
        specs.push_back(activated("linear_grad_weights", activation));
    }
    specs.push_back(activated("linear_grad_input", "relu").set("accumulate", true));
    for (const bool flag : {false, true}) {
        specs.push_back(KernelSpec("spatial_mean").set("upsample", flag));
        specs.push_back(KernelSpec("ratio_loss").set("accumulate", flag));
        for (const bool accumulate : {false, true})
            specs.push_back(KernelSpec("spatial_mean_grad").set("coarse", flag).set("accumulate", accumulate));
        specs.push_back(KernelSpec("spatial_mean_grad").set("coarse", flag).set("derivation", "adjoint"));
    }
    for (const auto &[generator, activations] : std::vector<std::pair<std::string, std::vector<std::string>>>{
             {"fuse_branches", {"relu", "linear"}}, {"scale_channels", {"relu", "hswish", "linear"}}}) {
        for (const std::string &activation : activations) {
            specs.push_back(activated(generator.c_str(), activation.c_str()));
            specs.push_back(activated((generator + "_grad").c_str(), activation.c_str()));
            specs.push_back(activated((generator + "_grad").c_str(), activation.c_str()).set("derivation", "adjoint"));
        }
    }
    for (const char *activation : {"relu", "linear"}) {
        for (const char *generator : {"add_branches", "add_branches_grad"})
            specs.push_back(activated(generator, activation));
    }
    for (size_t i = 0, count = specs.size(); i < count; i++)
        specs.push_back(with_dtype(specs[i], Dtype::F64));
    return specs;
}

} // namespace

KernelSpec with_dtype(KernelSpec spec, Dtype dtype) {
    if (dtype != Dtype::F32) spec.set("dtype", dtype_name(dtype));
    return spec;
}

KernelSpec conv2d_spec(int ci, int co, int kernel, int stride, int groups, const char *activation, bool add_residual,
                       bool gather, bool shift, bool scatter) {
    return KernelSpec("conv2d")
        .set("ci", ci)
        .set("co", co)
        .set("kernel", kernel)
        .set("stride", stride)
        .set("groups", groups)
        .set("activation", activation)
        .set("add_residual", add_residual)
        .set("gather", gather)
        .set("shift", shift)
        .set("scatter", scatter);
}

KernelSpec depthwise_spec(int channels, int kernel, int stride, const char *activation, bool shift) {
    return KernelSpec("depthwise")
        .set("channels", channels)
        .set("kernel", kernel)
        .set("stride", stride)
        .set("activation", activation)
        .set("shift", shift);
}

KernelSpec expand_depthwise_spec(int ci, int co, int kernel, int stride, int groups, const char *expanded,
                                 const char *activation, bool gather, bool shift) {
    return KernelSpec("expand_depthwise")
        .set("ci", ci)
        .set("co", co)
        .set("kernel", kernel)
        .set("stride", stride)
        .set("groups", groups)
        .set("expanded", expanded)
        .set("activation", activation)
        .set("gather", gather)
        .set("shift", shift);
}

KernelSpec gated_projection_spec(int ci, int co, int groups, const char *activation, bool add_residual, bool scatter) {
    return KernelSpec("gated_projection")
        .set("ci", ci)
        .set("co", co)
        .set("kernel", 1)
        .set("groups", groups)
        .set("activation", activation)
        .set("add_residual", add_residual)
        .set("scatter", scatter);
}

KernelSpec conv2d_points_spec(int ci, int co, int groups, const char *activation, bool shift, bool scatter) {
    return KernelSpec("conv2d_points")
        .set("ci", ci)
        .set("co", co)
        .set("kernel", 1)
        .set("groups", groups)
        .set("activation", activation)
        .set("gather", !scatter)
        .set("shift", shift)
        .set("scatter", scatter);
}

KernelSpec conv2d_neighbours_spec(int ci, int co, int groups, int side) {
    if (side > 1) {
        return KernelSpec("conv2d_tiles")
            .set("ci", ci)
            .set("co", co)
            .set("kernel", 3)
            .set("groups", groups)
            .set("activation", "relu")
            .set("side", side);
    }
    return conv2d_points_spec(ci, co, groups, "relu", false, false).set("kernel", 3).set("gather", false);
}

KernelSpec activated(const char *generator, const char *activation) {
    return KernelSpec(generator).set("activation", activation);
}

std::vector<KernelSpec> test_kernels() {
    std::vector<KernelSpec> specs = for_all_dtypes({
        // Channels: one, odd, one past a vector, whole blocks, several blocks with a tail.
        conv2d_spec(1, 1, 1),
        conv2d_spec(3, 5, 3),
        conv2d_spec(7, 17, 1, 1, 1, "relu"),
        conv2d_spec(16, 33, 3, 2, 1, "hswish"),
        conv2d_spec(32, 64, 1, 2),
        conv2d_spec(5, 32, 5),
        conv2d_spec(3, 16, 7, 2, 1, "relu"),
        conv2d_spec(24, 40, 3, 1, 2, "relu"),
        conv2d_spec(8, 12, 1, 1, 4),
        conv2d_spec(40, 72, 1, 1, 2, "linear", true),
        conv2d_spec(32, 32, 3, 1, 1, "relu", true),
        // Wide enough that channel blocks become tasks: with a tail, in place, strided.
        conv2d_spec(160, 112, 1, 1, 1, "relu"),
        conv2d_spec(136, 136, 1, 1, 1, "relu", true),
        conv2d_spec(96, 200, 1, 2),
        // Work lists: gather, with and without shift; scatter onto a residual in place.
        conv2d_spec(32, 16, 1, 1, 1, "relu", false, true),
        conv2d_spec(24, 20, 1, 1, 1, "relu", false, true, true),
        conv2d_spec(32, 36, 1, 1, 2, "linear", false, true, true),
        conv2d_spec(16, 64, 1, 1, 2, "relu", true, false, false, true),
        conv2d_spec(20, 40, 1, 1, 2, "linear", true, false, false, true),
        conv2d_spec(16, 16, 3, 1, 1, "relu", true, true, true, true),
        // Projections that finish the frames that a mask rejects.
        conv2d_spec(12, 40, 1, 1, 1, "relu").set("response", 3),
        conv2d_spec(24, 20, 1, 1, 2, "linear").set("response", 5),
        // A focal block: its unselected frames may hold anything.
        conv2d_spec(16, 8, 1, 1, 2, "relu", false, true),
        conv2d_spec(8, 8, 3, 1, 2, "relu"),
        conv2d_spec(8, 16, 1, 1, 2, "relu", true, false, false, true),
        depthwise_spec(16, 3, 1, "relu", true),
        depthwise_spec(72, 5, 2, "linear", false),
        depthwise_spec(5, 3, 2, "hswish", false),
        depthwise_spec(40, 5, 1, "relu", false),
        // Fewer channels than a vector, tails of blocks, groups, a shift that pairs of channels straddle.
        expand_depthwise_spec(3, 5, 3, 1, 1, "hswish", "relu"),
        expand_depthwise_spec(16, 64, 3, 2, 1, "relu", "relu", true, true),
        expand_depthwise_spec(24, 72, 5, 2, 1, "hswish", "linear", true, true),
        expand_depthwise_spec(32, 40, 5, 1, 2, "relu", "linear", true, true),
        expand_depthwise_spec(20, 68, 3, 1, 2, "hswish", "hswish", true, false),
        gated_projection_spec(5, 3, 1, "relu"),
        gated_projection_spec(36, 40, 1, "hswish", true),
        gated_projection_spec(24, 72, 2, "hswish"),
        gated_projection_spec(40, 24, 2, "relu", true, true),
        KernelSpec("stem").set("channels", 64),
        KernelSpec("stem").set("channels", 16),
        KernelSpec("avg_pool"),
        KernelSpec("spatial_mean").set("upsample", false),
        KernelSpec("spatial_mean").set("upsample", true),
        KernelSpec("spatial_mean").set("upsample", true).set("response", 3),
        KernelSpec("spatial_mean").set("upsample", true).set("response", 5),
        activated("linear", "linear"),
        activated("linear", "relu"),
        activated("linear", "sigmoid"),
        activated("linear", "hsigmoid"),
        activated("linear", "hswish"),
        KernelSpec("navigation"),
        KernelSpec("navigation").set("soft", true),
        KernelSpec("work_list"),
        activated("fill_unselected", "relu").set("kernel", 3),
        activated("fill_unselected", "linear").set("kernel", 5),
        activated("fuse_branches", "relu"),
        activated("fuse_branches", "linear"),
        activated("fuse_branches", "relu").set("response", 3),
        activated("fuse_branches", "linear").set("response", 5),
        activated("add_branches", "relu"),
        activated("add_branches", "linear"),
        activated("scale_channels", "relu"),
        activated("scale_channels", "hswish"),
        KernelSpec("consensus"),
    });
    // AF-MobileNetV3's first layer: from the clip.
    // Tile registers: one, three and several blocks of them, half full in their sums; 3x3, strided; lists.
    for (const KernelSpec &spec :
         {conv2d_spec(64, 48, 1, 1, 1, "hswish"), conv2d_spec(48, 64, 3), conv2d_spec(64, 96, 3, 2, 2, "relu"),
          conv2d_spec(64, 256, 1, 1, 2, "relu", true), conv2d_spec(128, 64, 1, 1, 1, "relu", false, true, true),
          conv2d_spec(256, 64, 1, 1, 2, "relu", false, true, true),
          conv2d_spec(64, 128, 1, 1, 2, "linear", true, false, false, true)}) {
        specs.push_back(with_dtype(spec, Dtype::BF16));
    }
    specs.push_back(with_dtype(conv2d_spec(3, 16, 3, 2, 1, "hswish"), Dtype::BF16).set("f32_input", true));
    for (const bool writes : {true, false}) specs.push_back(KernelSpec("memory_sweep").set("writes", writes));
    return specs;
}

std::vector<KernelSpec> convolution_gradient_kernels() {
    std::vector<KernelSpec> specs;
    const auto add = [&](const char *family, const KernelSpec &shape) {
        for (const char *part : {"_forward", "_grad_input", "_grad_weights"}) {
            KernelSpec spec(std::string(family) + part);
            spec.params = shape.params;
            specs.push_back(spec);
            if (spec.generator == std::string(family) + "_grad_input") specs.push_back(spec.set("accumulate", true));
        }
    };
    const auto conv2d = [&](int ci, int co, int kernel, int stride, int groups, Dtype dtype) {
        KernelSpec shape("");
        shape.set("ci", ci).set("co", co).set("kernel", kernel).set("stride", stride).set("groups", groups);
        add("conv2d", with_dtype(shape, dtype));
    };
    const auto depthwise = [&](int channels, int kernel, int stride, Dtype dtype) {
        KernelSpec shape("");
        shape.set("channels", channels).set("kernel", kernel).set("stride", stride);
        add("depthwise", with_dtype(shape, dtype));
    };
    for (const Dtype dtype : {Dtype::F32, Dtype::F64}) {
        // Channels: below a vector, odd, one past a vector, whole blocks, blocks with a tail, groups that are no blocks.
        conv2d(3, 5, 3, 1, 1, dtype);
        conv2d(5, 17, 1, 1, 1, dtype);
        conv2d(17, 3, 1, 2, 1, dtype);
        conv2d(3, 20, 7, 2, 1, dtype);
        conv2d(16, 33, 3, 2, 1, dtype);
        conv2d(32, 64, 3, 1, 2, dtype);
        conv2d(24, 40, 3, 1, 2, dtype);
        conv2d(64, 32, 1, 1, 2, dtype);
        conv2d(12, 20, 3, 2, 2, dtype);
        depthwise(16, 3, 1, dtype);
        depthwise(5, 3, 2, dtype);
        depthwise(72, 5, 2, dtype);
        depthwise(40, 5, 1, dtype);
    }
    // Weights enough that blocks of channels become the tasks.
    conv2d(130, 136, 3, 1, 1, Dtype::F32);
    conv2d(512, 512, 1, 1, 2, Dtype::F32);
    return specs;
}

std::vector<KernelSpec> spatial_kernels() {
    std::vector<KernelSpec> specs;
    for (const bool shift : {false, true}) {
        const auto shifted = [shift](KernelSpec spec) { return spec.set("shift", shift); };
        specs.push_back(shifted(KernelSpec("owe_patches")));
        for (const bool all : {false, true}) specs.push_back(shifted(KernelSpec("settle_patches").set("all", all)));
        for (const KernelSpec &spec : {KernelSpec("owed_mean"), activated("fuse_owed_branches", "relu"),
                                       activated("fuse_owed_branches", "linear")}) {
            specs.push_back(shifted(spec));
            specs.push_back(shifted(KernelSpec(spec).set("response", 3)));
        }
    }
    for (const int side : {1, 2, 4})
        specs.push_back(KernelSpec("tile_list").set("side", side));
    const auto projection = [&](int ci, int co, const char *activation, int response) {
        specs.push_back(activated("patch_projection", activation)
                            .set("ci", ci)
                            .set("co", co)
                            .set("kernel", 1)
                            .set("response", response));
    };
    projection(12, 40, "relu", 3);
    projection(5, 17, "linear", 5);
    // Channels: below a vector, odd, several blocks with a tail; eighths that are whole, and that are not.
    for (const bool scatter : {false, true}) {
        specs.push_back(conv2d_points_spec(5, 3, 1, "linear", false, scatter));
        specs.push_back(conv2d_points_spec(24, 72, 2, "relu", false, scatter));
    }
    specs.push_back(conv2d_points_spec(20, 17, 1, "hswish", true, false));
    for (const int side : {1, 2, 4}) {
        specs.push_back(conv2d_neighbours_spec(3, 5, 1, side));
        specs.push_back(conv2d_neighbours_spec(24, 40, 2, side));
        specs.push_back(conv2d_neighbours_spec(8, 8, 2, side));
    }
    // The rest of a focal block of 16 channels.
    specs.push_back(conv2d_points_spec(16, 8, 2, "relu", true, false));
    for (const char *activation : {"relu", "linear"})
        specs.push_back(conv2d_points_spec(8, 16, 2, activation, false, true));
    return specs;
}

std::vector<KernelSpec> listed_points_kernels() {
    std::vector<KernelSpec> specs;
    for (const bool shift : {false, true})
        specs.push_back(KernelSpec("gather_points").set("shift", shift));
    for (const char *activation : {"relu", "linear"})
        specs.push_back(activated("scatter_points", activation));
    return specs;
}

std::vector<KernelVariant> kernel_variants() {
    // 3x3 convolutions that Winograd can compute: channels below a vector, odd, several blocks, groups.
    const std::vector<KernelSpec> plain =
        for_all_dtypes({conv2d_spec(3, 5, 3), conv2d_spec(24, 40, 3, 1, 2, "relu"), conv2d_spec(8, 8, 3, 1, 2, "relu"),
                        conv2d_spec(33, 64, 3, 1, 1, "hswish"), conv2d_spec(20, 128, 3, 1, 1, "relu")});
    const std::vector<KernelSpec> halving =
        for_all_dtypes({conv2d_spec(3, 5, 3, 2), conv2d_spec(24, 40, 3, 2, 2, "relu"), conv2d_spec(20, 128, 3, 2, 1, "relu")});
    const auto both = [&] {
        std::vector<KernelSpec> specs = plain;
        specs.insert(specs.end(), halving.begin(), halving.end());
        return specs;
    }();
    std::vector<KernelSpec> direct = plain;
    for (int channels : {64, 16})
        direct.push_back(KernelSpec("stem").set("channels", channels));
    const std::vector<KernelSpec> tiles = {with_dtype(conv2d_spec(32, 64, 3, 2, 1, "relu"), Dtype::BF16),
                                           with_dtype(conv2d_spec(64, 128, 1, 1, 2, "relu", true), Dtype::BF16)};
    const std::vector<KernelSpec> pointwise = for_all_dtypes(
        {conv2d_spec(5, 17, 1), conv2d_spec(64, 96, 1, 1, 2, "relu", true), conv2d_spec(48, 32, 1, 2, 1, "relu")});
    return {{kHeadLibrary, {}, head_kernels()},
            {kPrefetchLibrary, {{"prefetch", 3}}, pointwise},
            {"test_kernels_weights_stay", {{"order", 3}, {"tile_x", 8}, {"co_block", 32}}, tiles},
            {"test_kernels_channels_in_tasks", {{"order", 1}, {"rows", 2}, {"co_block", 16}}, tiles},
            {kDirectLibrary, {{"algorithm", 1}}, direct},
            {"test_kernels_winograd2", {{"algorithm", 2}}, both},
            {"test_kernels_winograd4", {{"algorithm", 4}}, both},
            // They take long to compile.
            {"test_kernels_winograd5", {{"algorithm", 5}}, for_all_dtypes({conv2d_spec(24, 40, 3, 1, 2, "relu")})},
            {kNormalizationLibrary, {}, normalization_kernels()},
            {kSpatialLibrary, {}, spatial_kernels()},
            {kListedPointsLibrary, {}, listed_points_kernels()},
            {kPointPrefetchLibrary,
             {{"prefetch", 3}},
             {conv2d_points_spec(16, 8, 2, "relu", true, false), conv2d_points_spec(8, 16, 2, "relu", false, true)}},
            {kConvolutionGradients, {}, convolution_gradient_kernels()},
            {kSparseTrainingLibrary, {}, sparse_training_kernels()},
            {kSpatialTrainingLibrary, {}, spatial_training_kernels()},
            {"test_kernels_winograd_channels", {{"algorithm", 4}, {"order", 3}, {"tiles", 8}, {"tile_x", 3}}, plain}};
}

std::vector<KernelSpec> traced_kernels() {
    // A focal block of 16 channels.
    return for_all_dtypes({conv2d_spec(16, 8, 1, 1, 2, "relu", false, true, true), conv2d_spec(8, 8, 3, 1, 2, "relu"),
                           conv2d_spec(8, 16, 1, 1, 2, "relu", true, false, false, true)});
}

}  // namespace afnet
