#include "model/plan_builder.h"

#include <memory>

#include "model/folded_layer.h"
#include "model/packing.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

Feature PlanBuilder::feature(const std::string &name, int channels, int width, int height, int border,
                             bool shiftable) {
    TensorInfo info;
    info.name = name;
    info.type = element_type();
    info.extents = {channels, width, height, shape().flat_frames()};
    info.border = border;
    info.zero_frame = shiftable && shift();
    return {network_.plan.add(info), channels, width, height};
}

// Of features.
ElementType PlanBuilder::element_type() const {
    return shape().dtype == Dtype::BF16 ? ElementType::BFloat16 : ElementType::Float32;
}

// The kernel that reads or writes features of this run's dtype.
KernelSpec PlanBuilder::on_features(KernelSpec spec) const {
    if (shape().dtype != Dtype::F32) spec.set("dtype", dtype_name(shape().dtype));
    return spec;
}

TensorId PlanBuilder::vector_tensor(const std::string &name, int channels) {
    TensorInfo info;
    info.name = name;
    info.extents = {channels, shape().flat_frames()};
    return network_.plan.add(info);
}

TensorId PlanBuilder::integers(const std::string &name, std::vector<int> extents, Storage storage) {
    TensorInfo info;
    info.name = name;
    info.type = ElementType::Int32;
    info.extents = std::move(extents);
    info.storage = storage;
    return network_.plan.add(info);
}

TensorId PlanBuilder::constant(const std::string &name) {
    TensorInfo info;
    info.name = name;
    info.storage = Storage::Constant;
    return network_.plan.add(info);
}

// The recipe belongs to the step that is added last.
void PlanBuilder::pack(TensorId id, std::function<PackedConstant(const Weights &, const KernelEntry &)> make) {
    network_.constants.push_back({id, network_.plan.steps.size() - 1, std::move(make)});
}

void PlanBuilder::need(const std::string &key, std::vector<int64_t> shape) {
    network_.parameters.push_back({key, std::move(shape)});
}

void PlanBuilder::need_conv(const ConvLayer &layer, int in_channels) {
    need(layer.conv + ".weight", {layer.out, in_channels / layer.groups, layer.kernel, layer.kernel});
    for (const char *name : {".weight", ".bias", ".running_mean", ".running_var"}) need(layer.norm + name, {layer.out});
}

void PlanBuilder::tap(const std::string &name, TensorId tensor) {
    if (unfinished_.count(tensor) > 0 || owed_.count(tensor) > 0) return;
    network_.plan.taps.push_back({name, network_.plan.steps.size() - 1, tensor});
}

Frames PlanBuilder::all_frames(TensorId id) const {
    return network_.plan.tensors[size_t(id)].zero_frame ? Frames::WithZeroFrame : Frames::All;
}

// Beyond a clip's ends TSM reads zeroes; without a zero frame a kernel would read the last frame instead.
void PlanBuilder::require_zero_frame(TensorId id, const std::string &reader) const {
    const TensorInfo &tensor = network_.plan.tensors[size_t(id)];
    const bool single = tensor.storage == Storage::Input;  // the frame of zeroes from which F(0) is made
    if (!tensor.zero_frame && !single) throw Error(reader + ": reads " + tensor.name + " through TSM, which has no zero frame");
}

std::vector<std::string> masked_blocks(const LoweredNetwork &network) {
    std::vector<std::string> names;
    for (const MaskedBlock &block : network.blocks)
        names.push_back(block.name);
    return names;
}

int block_of(const LoweredNetwork &network, const Step &step) {
    for (size_t b = 0; b < network.blocks.size(); b++)
        if (starts_with(step.label, network.blocks[b].name + ".")) return int(b);
    return -1;
}

double whole_frame_macs(const LoweredNetwork &network, const Step &step) {
    for (const PatchCounts &counts : network.patch_counts) {
        if (step.count == kNoTensor || (step.count != counts.points && step.count != counts.tiles)) continue;
        if (counts.whole != kNoTensor) return 0;
        const int side = step.count == counts.tiles ? counts.side : 1;
        return step.macs * counts.width * counts.height / (side * side);
    }
    return step.macs;
}

Step &PlanBuilder::add_step(const std::string &label, KernelSpec kernel, const Selection *selection) {
    Step step;
    step.label = label;
    step.kernel = std::move(kernel);
    step.frames = shape().flat_frames();
    if (selection) step.count = selection->count;
    network_.plan.steps.push_back(std::move(step));
    return network_.plan.steps.back();
}

// Kernels have one signature; a list that a variant does not read is this one.
TensorId PlanBuilder::unused_list(TensorId &id, const char *name, std::vector<int> extents, ElementType type) {
    if (id == kNoTensor) {
        TensorInfo info;
        info.name = name;
        info.type = type;
        info.extents = std::move(extents);
        info.storage = Storage::Input;
        id = network_.plan.add(info);
    }
    return id;
}

TensorId PlanBuilder::unused_sources() {
    return unused_list(unused_sources_, "unused_sources", {3, 1});
}

TensorId PlanBuilder::unused_mask() {
    return unused_list(unused_mask_, "unused_mask", {1});
}

// The list of all frames, made by the same kernel as any other, from a mask of ones.
TensorId PlanBuilder::identity_sources() {
    if (identity_ != kNoTensor) return identity_;
    const TensorId ones = integers("all_frames.mask", {shape().flat_frames()}, Storage::Constant);
    network_.ones = ones;
    identity_ = integers("all_frames.sources", {3, shape().flat_frames()});
    const TensorId count = identity_count_ = integers("all_frames.count", {1});
    Step &step = add_step("all_frames.work_list", KernelSpec("work_list"), nullptr);
    step.arguments = {{"mask", ones}, {"sources", identity_}, {"count", count}};
    step.scalars = {{"frames_per_clip", double(shape().frames)}};
    return identity_;
}

Feature PlanBuilder::input(int border) {
    TensorInfo info;
    info.name = "video";
    info.extents = {3, shape().width, shape().height, shape().flat_frames()};
    info.storage = Storage::Input;
    info.border = border;
    network_.video = network_.plan.add(info);
    return {network_.video, 3, shape().width, shape().height};
}

Feature PlanBuilder::stem(const std::string &conv, const std::string &norm, const Feature &in, int channels) {
    ConvLayer layer;
    layer.conv = conv;
    layer.norm = norm;
    layer.out = channels;
    layer.kernel = 7;
    need_conv(layer, in.channels);
    const int width = strided(in.width, 2), height = strided(in.height, 2);
    const Feature out = feature("stem", channels, strided(width, 2), strided(height, 2), 0, true);
    const TensorId weights = constant("stem.weights"), bias = constant("stem.bias");
    Step &step = add_step("stem", on_features(KernelSpec("stem").set("channels", channels)), nullptr);
    step.arguments = {{"input", in.tensor, Frames::All, 0, true},
                      {"weights", weights},
                      {"bias", bias},
                      {"output", out.tensor}};
    step.macs = double(width) * height * channels * in.channels * 49;
    pack(weights, [fold = reading_weights(layer, in.channels), channels](const Weights &w, const KernelEntry &k) {
        return pack_stem_weights(fold(w), channels, k);
    });
    pack(bias, [fold = reading_bias(layer), channels](const Weights &w, const KernelEntry &k) {
        return pack_conv_bias(fold(w), channels, 1, knob_of(k, "co_block"));
    });
    return out;
}

Feature PlanBuilder::conv(const Feature &in, const ConvLayer &layer) {
    return at_points_ ? conv_at_points(in, layer) : masking_ ? conv_then_mask(in, layer) : conv_on_frames(in, layer);
}

// TSM, of all frames (AFNET_SPEC §2.9).
Feature PlanBuilder::shifted(const Feature &in, const std::string &label) {
    const Feature out = feature(label, in.channels, in.width, in.height);
    const TensorId mask = unused_list(unused_weights_, "unused_weights", {1}, ElementType::Float32);
    Step &step = add_step(label, KernelSpec("temporal_shift").set("shift", true).set("masked", false), nullptr);
    step.arguments = {{"input", in.tensor}, {"mask", mask, Frames::All, 0, false, true}, {"output", out.tensor}};
    step.scalars = {{"frames_per_clip", double(shape().frames)}};
    return out;
}

Feature PlanBuilder::conv_on_frames(const Feature &in, const ConvLayer &layer) {
    if (shift() && shape().shift_apart && layer.gather == Gather::Shifted) {
        ConvLayer plain = layer;
        plain.gather = Gather::None;
        return conv_on_frames(shifted(in, layer.label + ".shift"), plain);
    }
    need_conv(layer, in.channels);
    widen_border(network_.plan.tensors[size_t(in.tensor)], layer.kernel);
    if (layer.projects) finish_rejected(*layer.projects);
    const FocalBlock *finished = layer.projects && layer.projects->finished ? layer.projects : nullptr;
    if (finished && pays_rejected_patches(*finished, layer)) return patch_projection(in, layer, *finished);
    const bool compact_in = layer.gather == Gather::Compact;
    const bool compact_out = !layer.scatter && (compact_in || layer.gather == Gather::Selected);
    const bool shifted = shift() && (layer.gather == Gather::Shifted || layer.gather == Gather::Selected);
    const bool gathers = shifted || layer.gather == Gather::Selected;
    const TensorId sources = layer.selection && (gathers || layer.scatter) ? layer.selection->sources
                             : gathers                                     ? identity_sources()
                                                                           : unused_sources();
    const bool adds = layer.onto.tensor != kNoTensor;
    const int width = strided(in.width, layer.stride), height = strided(in.height, layer.stride);
    const Feature out =
        adds ? layer.onto : feature(layer.label, layer.out, width, height, layer.border, layer.shiftable);
    const TensorId weights = constant(layer.label + ".weights"), bias = constant(layer.label + ".bias");

    KernelSpec kernel = on_features(KernelSpec("conv2d")
                                        .set("ci", in.channels)
                                        .set("co", layer.out)
                                        .set("kernel", layer.kernel)
                                        .set("stride", layer.stride)
                                        .set("groups", layer.groups)
                                        .set("activation", finished ? finished->activation : layer.activation)
                                        .set("add_residual", adds)
                                        .set("gather", gathers)
                                        .set("shift", shifted)
                                        .set("scatter", layer.scatter));
    const bool from_clip = network_.plan.tensors[size_t(in.tensor)].type != element_type();
    if (from_clip) kernel.set("f32_input", true);
    if (finished) kernel.set("response", finished->kernel);
    const TensorId mask = finished ? finished->selection->deciding_mask() : unused_mask();
    Step &step = add_step(layer.label, std::move(kernel),
                          compact_in || layer.gather == Gather::Selected ? layer.selection : nullptr);
    if (shifted) require_zero_frame(in.tensor, layer.label);
    const Frames read = compact_in ? Frames::Selected : gathers ? all_frames(in.tensor) : Frames::All;
    const Frames written = compact_out ? Frames::Selected : Frames::All;
    const Frames listed = step.count != kNoTensor && sources == layer.selection->sources ? Frames::Selected : Frames::All;
    step.arguments = {{"input", in.tensor, read, layer.groups, layer.kernel > 1},
                      {"weights", weights},
                      {"bias", bias},
                      finished ? Argument{"residual", finished->residual, Frames::All, layer.groups}
                               : Argument{"residual", out.tensor, written, layer.groups, false, !adds},
                      {"mask", mask, Frames::All, 0, false, !finished},
                      {"sources", sources, listed, 0, false, !gathers && !layer.scatter},
                      {"output", out.tensor, written, layer.groups}};
    const int ci = in.channels / layer.groups;
    step.macs = double(width) * height * layer.out * ci * layer.kernel * layer.kernel;
    pack(weights, [fold = reading_weights(layer, in.channels), co = layer.out, ci, k = layer.kernel,
                   g = layer.groups](const Weights &w, const KernelEntry &kernel) {
        return pack_conv2d_weights(fold(w), co, ci, k, g, kernel);
    });
    pack(bias, [fold = reading_bias(layer), co = layer.out, g = layer.groups](const Weights &w, const KernelEntry &kernel) {
        return pack_conv2d_bias(fold(w), co, g, kernel);
    });
    return out;
}

Feature PlanBuilder::avg_pool(const std::string &label, const Feature &in) {
    const Feature out = feature(label, in.channels, strided(in.width, 2), strided(in.height, 2), 0, true);
    Step &step = add_step(label, on_features(KernelSpec("avg_pool")), nullptr);
    step.arguments = {{"input", in.tensor}, {"output", out.tensor}};
    return out;
}

TensorId PlanBuilder::spatial_mean(const std::string &label, const Feature &in, const Feature *coarse,
                                   const Selection *selection) {
    const TensorId out = vector_tensor(label, in.channels);
    const bool owed = coarse && owed_.count(in.tensor) > 0;
    Step &step = add_step(label, owed ? KernelSpec("owed_mean")
                                      : on_features(KernelSpec("spatial_mean").set("upsample", coarse != nullptr)),
                          selection);
    const Frames frames = selection ? Frames::Selected : Frames::All;
    step.arguments = {{"input", in.tensor, frames},
                      {"coarse", coarse ? coarse->tensor : in.tensor, frames, 0, false, !coarse},
                      {"output", out, frames}};
    if (coarse) add_unfinished(in.tensor, step);
    if (owed) add_owed(in, step);
    return out;
}

TensorId PlanBuilder::linear(const std::string &key, TensorId in, int out, bool bias, const std::string &activation,
                             const Selection *selection) {
    const int channels = network_.plan.tensors[size_t(in)].extents[0];
    need(key + ".weight", {out, channels});
    if (bias) need(key + ".bias", {out});
    const TensorId result = vector_tensor(key, out);
    const TensorId weights = constant(key + ".weights"), biases = constant(key + ".bias");
    Step &step = add_step(key, KernelSpec("linear").set("activation", activation), selection);
    const Frames frames = selection ? Frames::Selected : Frames::All;
    step.arguments = {{"input", in, frames}, {"weights", weights}, {"bias", biases}, {"output", result, frames}};
    step.macs = double(out) * channels;
    pack(weights, [key, out, channels](const Weights &w, const KernelEntry &kernel) {
        return pack_linear_weights(w({key + ".weight", {out, channels}}), out, channels, knob_of(kernel, "co_block"));
    });
    pack(biases, [key, out, bias](const Weights &w, const KernelEntry &kernel) {
        return pack_linear_bias(bias ? w({key + ".bias", {out}}) : std::vector<float>(size_t(out), 0.0f),
                                knob_of(kernel, "co_block"));
    });
    return result;
}

void PlanBuilder::head_consensus(TensorId logits, int classes) {
    network_.plan.tensors[size_t(logits)].storage = Storage::Kept;
    network_.logits = logits;
    const auto scores = [&](const char *name) {
        TensorInfo info;
        info.name = name;
        info.extents = {classes, shape().clips};
        info.storage = Storage::Kept;
        return network_.plan.add(info);
    };
    network_.clip_logits = scores("clip_logits");
    network_.probabilities = scores("probabilities");
    Step &step = add_step("consensus", KernelSpec("consensus"), nullptr);
    step.arguments = {
        {"logits", logits}, {"clip_logits", network_.clip_logits}, {"probabilities", network_.probabilities}};
}

}  // namespace afnet
