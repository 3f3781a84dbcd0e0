// Inverted residuals: expansion and depthwise convolution as one step, gated channels and their projection as another.
#include "model/folded_layer.h"
#include "model/packing.h"
#include "model/plan_builder.h"
#include "runtime/error.h"

namespace afnet {

namespace {

// Of a step that computes two layers of a module: `block.conv1` and `block.conv2` are `block.conv1+conv2`.
std::string fused_label(const std::string &first, const std::string &second) {
    return first + "+" + second.substr(second.rfind('.') + 1);
}

}  // namespace

Feature PlanBuilder::depthwise(const Feature &in, const ConvLayer &given) {
    ConvLayer layer = given;
    layer.out = in.channels;
    layer.groups = in.channels;
    need_conv(layer, in.channels);
    const bool compact = layer.gather == Gather::Compact, shifted = shift() && layer.gather == Gather::Shifted;
    const TensorId sources = shifted ? identity_sources() : unused_sources();
    const int width = strided(in.width, layer.stride), height = strided(in.height, layer.stride);
    const Feature out = feature(layer.label, in.channels, width, height, layer.border, layer.shiftable);
    const TensorId weights = constant(layer.label + ".weights"), bias = constant(layer.label + ".bias");
    Step &step = add_step(layer.label,
                          on_features(KernelSpec("depthwise")
                                          .set("channels", in.channels)
                                          .set("kernel", layer.kernel)
                                          .set("stride", layer.stride)
                                          .set("activation", layer.activation)
                                          .set("shift", shifted)),
                          compact ? layer.selection : nullptr);
    if (shifted) require_zero_frame(in.tensor, layer.label);
    const Frames frames = compact ? Frames::Selected : Frames::All;
    step.arguments = {{"input", in.tensor, shifted ? all_frames(in.tensor) : frames, 0, true},
                      {"weights", weights},
                      {"bias", bias},
                      {"sources", sources, Frames::All, 0, false, !shifted},
                      {"output", out.tensor, frames}};
    step.macs = double(width) * height * in.channels * layer.kernel * layer.kernel;
    pack(weights, [fold = reading_weights(layer, in.channels), c = in.channels, k = layer.kernel](const Weights &w, const KernelEntry &) {
        return pack_depthwise_weights(fold(w), c, k);
    });
    pack(bias, [fold = reading_bias(layer), c = in.channels](const Weights &w, const KernelEntry &) {
        return PackedConstant{{c}, fold(w)};
    });
    return out;
}

Feature PlanBuilder::expand_depthwise(const Feature &in, const ConvLayer &expansion, const ConvLayer &given) {
    ConvLayer spatial = given;
    spatial.out = spatial.groups = expansion.out;
    need_conv(expansion, in.channels);
    need_conv(spatial, expansion.out);
    const bool selected = expansion.gather == Gather::Selected;
    const bool shifted = shift() && (selected || expansion.gather == Gather::Shifted), gathers = shifted || selected;
    const Selection *selection = selected ? expansion.selection : nullptr;
    const TensorId sources = selected ? selection->sources : gathers ? identity_sources() : unused_sources();
    const int width = strided(in.width, spatial.stride), height = strided(in.height, spatial.stride);
    const std::string label = fused_label(expansion.label, spatial.label);
    const Feature out = feature(label, spatial.out, width, height, spatial.border, spatial.shiftable);
    const TensorId weights = constant(expansion.label + ".weights"), bias = constant(expansion.label + ".bias");
    const TensorId filters = constant(spatial.label + ".weights"), offsets = constant(spatial.label + ".bias");
    Step &step = add_step(label,
                          on_features(KernelSpec("expand_depthwise")
                                          .set("ci", in.channels)
                                          .set("co", expansion.out)
                                          .set("kernel", spatial.kernel)
                                          .set("stride", spatial.stride)
                                          .set("groups", expansion.groups)
                                          .set("expanded", expansion.activation)
                                          .set("activation", spatial.activation)
                                          .set("gather", gathers)
                                          .set("shift", shifted)),
                          selection);
    if (shifted) require_zero_frame(in.tensor, label);
    const Frames listed = selected ? Frames::Selected : Frames::All;
    step.arguments = {{"input", in.tensor, gathers ? all_frames(in.tensor) : Frames::All, expansion.groups},
                      {"weights", weights},
                      {"bias", bias},
                      {"depthwise_weights", filters},
                      {"depthwise_bias", offsets},
                      {"sources", sources, listed, 0, false, !gathers},
                      {"output", out.tensor, listed, expansion.groups}};
    const int ci = in.channels / expansion.groups, co = expansion.out, groups = expansion.groups, k = spatial.kernel;
    step.macs = double(in.width) * in.height * co * ci + double(width) * height * co * k * k;
    pack(weights,
         [fold = reading_weights(expansion, in.channels), co, ci, groups](const Weights &w, const KernelEntry &kernel) {
             return pack_expansion_weights(fold(w), co, ci, groups, kernel);
         });
    pack(filters, [fold = reading_weights(spatial, co), co, k, groups](const Weights &w, const KernelEntry &kernel) {
        return pack_blocked_depthwise_weights(fold(w), co, k, groups, knob_of(kernel, "co_block"));
    });
    const auto pack_bias = [&](TensorId id, const ConvLayer &layer) {
        pack(id, [fold = reading_bias(layer), co, groups](const Weights &w, const KernelEntry &kernel) {
            return pack_conv_bias(fold(w), co, groups, knob_of(kernel, "co_block"));
        });
    };
    pack_bias(bias, expansion);
    pack_bias(offsets, spatial);
    return out;
}

Feature PlanBuilder::scale_channels(const std::string &label, const Feature &in, TensorId gate,
                                    const std::string &activation, const Selection *selection) {
    Step &step = add_step(label, on_features(KernelSpec("scale_channels").set("activation", activation)), selection);
    const Frames frames = selection ? Frames::Selected : Frames::All;
    step.arguments = {{"input", in.tensor, frames}, {"gate", gate, frames}, {"output", in.tensor, frames}};
    return in;
}

Feature PlanBuilder::gated_projection(const std::string &label, const Feature &in, TensorId gate,
                                      const std::string &activation, const ConvLayer &layer) {
    const Selection *selection = layer.gather == Gather::Compact ? layer.selection : nullptr;
    if (shape().dtype != Dtype::F32) {
        // Pairs of bf16 channels are multiplied at once, which wants them gated and rounded in memory.
        scale_channels(label, in, gate, activation, selection);
        return conv(in, layer);
    }
    need_conv(layer, in.channels);
    const bool adds = layer.onto.tensor != kNoTensor;
    const Feature out =
        adds ? layer.onto : feature(layer.label, layer.out, in.width, in.height, layer.border, layer.shiftable);
    const TensorId weights = constant(layer.label + ".weights"), bias = constant(layer.label + ".bias");
    const Frames read = selection ? Frames::Selected : Frames::All;
    const Frames written = layer.scatter ? Frames::All : read;
    const TensorId sources = layer.scatter ? layer.selection->sources : unused_sources();
    Step &step = add_step(layer.label,
                          KernelSpec("gated_projection")
                              .set("ci", in.channels)
                              .set("co", layer.out)
                              .set("kernel", layer.kernel)
                              .set("groups", layer.groups)
                              .set("activation", activation)
                              .set("add_residual", adds)
                              .set("scatter", layer.scatter),
                          selection);
    step.arguments = {{"input", in.tensor, read, layer.groups},
                      {"gate", gate, read},
                      {"weights", weights},
                      {"bias", bias},
                      {"residual", out.tensor, written, layer.groups, false, !adds},
                      {"sources", sources, layer.scatter ? read : Frames::All, 0, false, !layer.scatter},
                      {"output", out.tensor, written, layer.groups}};
    const int ci = in.channels / layer.groups;
    step.macs = double(in.width) * in.height * layer.out * ci;
    pack(weights, [fold = reading_weights(layer, in.channels), co = layer.out, ci,
                   g = layer.groups](const Weights &w, const KernelEntry &kernel) {
        return pack_conv_weights(fold(w), co, ci, 1, g, knob_of(kernel, "co_block"));
    });
    pack(bias,
         [fold = reading_bias(layer), co = layer.out, g = layer.groups](const Weights &w, const KernelEntry &kernel) {
             return pack_conv_bias(fold(w), co, g, knob_of(kernel, "co_block"));
         });
    return out;
}

}  // namespace afnet
