#include "tests/generators/layer.h"

#include <algorithm>
#include <cmath>

#include "model/recipe.h"
#include "runtime/element_type.h"

namespace afnet {

namespace {

template <class Number>
std::vector<Number> absolute(std::vector<Number> values) {
    for (Number &v : values) v = std::abs(v);
    return values;
}

Tensor4 absolute(Tensor4 tensor) {
    tensor.data = absolute(std::move(tensor.data));
    return tensor;
}

}  // namespace

Tensor4 activate(const std::string &activation, Tensor4 values) {
    if (activation == "relu") return reference::relu(std::move(values));
    if (activation == "hswish") return reference::h_swish(std::move(values));
    if (activation == "sigmoid") return reference::sigmoid(std::move(values));
    if (activation == "hsigmoid") return reference::h_sigmoid(std::move(values));
    reference::require(activation == "linear", "activate: a known activation");
    return values;
}

double rounding_error(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude, int terms,
                      Dtype dtype) {
    if (actual.data.size() != expected.data.size() || magnitude.data.size() != expected.data.size()) return INFINITY;
    const double bound = 1.5 * (terms + 8) * std::ldexp(1.0, -24), least = 1e-30;
    double worst = 0;
    for (size_t i = 0; i < expected.data.size(); i++) {
        const double error = std::abs(actual.data[i] - expected.data[i]);
        if (!std::isfinite(error)) return INFINITY;
        const double computed = bound * magnitude.data[i] + least;
        const double stored = dtype == Dtype::BF16 ? std::ldexp(std::abs(expected.data[i]) + computed, -8) : 0;
        worst = std::max(worst, error / (computed + stored));
    }
    return worst;
}

Layer::Layer(int ci, const reference::Convolution &shape, const std::string &activation, uint64_t seed)
    : shape_(shape), activation_(activation), seed_(seed), terms_(ci / shape.groups * shape.kernel * shape.kernel) {
    const int co = shape.output_channels;
    weight_ = recipe_parameter("conv.weight", {co, ci / shape.groups, shape.kernel, shape.kernel}, seed);
    norm_.gamma = recipe_parameter("norm.weight", {co}, seed);
    norm_.beta = recipe_parameter("norm.bias", {co}, seed);
    norm_.mean = recipe_parameter("norm.running_mean", {co}, seed);
    norm_.variance = recipe_parameter("norm.running_var", {co}, seed);
}

Tensor4 Layer::sum(const Tensor4 &input, const Tensor4 *residual, const std::vector<float> &weight,
                   const reference::ChannelAffine &affine) const {
    Tensor4 result = reference::apply(affine, reference::conv2d(input, shape_, weight));
    return residual ? reference::add(std::move(result), *residual) : result;
}

Tensor4 Layer::output(const Tensor4 &input, const Tensor4 *residual) const {
    return activate(activation_, sum(input, residual, weight_, reference::fold(norm_)));
}

Tensor4 Layer::magnitude(const Tensor4 &input, const Tensor4 *residual) const {
    const reference::ChannelAffine affine = reference::fold(norm_);
    const Tensor4 positive = residual ? absolute(*residual) : Tensor4();
    return sum(absolute(input), residual ? &positive : nullptr, absolute(weight_),
               {absolute(affine.scale), absolute(affine.offset)});
}

Layer Layer::as_read_by(const Kernel &kernel) const {
    if (!reads_bfloat16(kernel, "weights")) return *this;
    Layer layer = *this;
    layer.weight_ = weights_folded();
    for (float &w : layer.weight_)
        w = float_of_bfloat16(bfloat16_bits(w));
    const std::vector<double> offset = reference::fold(norm_).offset;
    // The BatchNorm that adds the bias and leaves the weights alone.
    const size_t channels = offset.size();
    layer.norm_.gamma.assign(channels, 1);
    layer.norm_.beta.assign(offset.begin(), offset.end());
    layer.norm_.mean.assign(channels, 0);
    layer.norm_.variance.assign(channels, float(1 - reference::kBatchNormEpsilon));
    return layer;
}

Weights Layer::weights() const {
    return recipe_weights(seed_);
}

std::vector<float> Layer::weights_folded() const {
    return folded_weights(weights(), "conv", "norm", shape_.output_channels,
                          int(weight_.size()) / shape_.output_channels / (shape_.kernel * shape_.kernel),
                          shape_.kernel);
}

std::vector<float> Layer::bias_folded() const {
    return folded_bias(weights(), "norm", shape_.output_channels);
}

Layer layer_of(const KernelSpec &spec) {
    if (spec.generator == "stem") return Layer(3, {spec_number(spec, "channels"), 7, 2, 3, 1}, "relu");
    const int kernel = spec_number(spec, "kernel"), stride = spec_number(spec, "stride"), padding = (kernel - 1) / 2;
    const std::string activation = spec.params.at("activation");
    if (spec.generator == "depthwise") {
        const int channels = spec_number(spec, "channels");
        return Layer(channels, {channels, kernel, stride, padding, channels}, activation);
    }
    return Layer(spec_number(spec, "ci"),
                 {spec_number(spec, "co"), kernel, stride, padding, spec_number(spec, "groups")}, activation);
}

int spec_number(const KernelSpec &spec, const std::string &param) {
    return std::stoi(spec.params.at(param));
}

bool spec_flag(const KernelSpec &spec, const std::string &param) {
    return spec.params.at(param) == "true";
}

bool reads_bfloat16(const Kernel &kernel, const std::string &name) {
    for (int a = 0; a < kernel.metadata->num_arguments; a++) {
        const halide_filter_argument_t &argument = kernel.metadata->arguments[a];
        if (name == argument.name) return argument.type.code == halide_type_bfloat;
    }
    return false;
}

FrameBuffer packed_buffer(const PackedConstant &constant, const Kernel &kernel, const std::string &name) {
    if (!reads_bfloat16(kernel, name)) return packed_buffer(constant);
    FrameBuffer buffer(halide_type_t(halide_type_bfloat, 16), constant.extents);
    std::transform(constant.elements.begin(), constant.elements.end(), static_cast<uint16_t *>(buffer.data()),
                   bfloat16_bits);
    return buffer;
}

FloatBuffer packed_buffer(const PackedConstant &constant) {
    FloatBuffer buffer(constant.extents);
    std::copy(constant.elements.begin(), constant.elements.end(), buffer.data());
    return buffer;
}

}  // namespace afnet
