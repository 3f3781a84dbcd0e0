// The tape, and layers on feature maps. Gates, heads and the loss: training_builder_heads.cpp.
#include "model/training_builder.h"

namespace afnet {

TrainingBuilder::TrainingBuilder(bool shift, const RunShape &shape, TrainingChoices choices)
    : NetworkBuilder(shift, shape), choices_(std::move(choices)) {}

TensorId TrainingBuilder::add(const std::string &name, std::vector<int> extents, Storage storage, ElementType type) {
    TensorInfo info;
    info.name = name;
    info.type = type;
    info.extents = std::move(extents);
    info.storage = storage;
    return result_.plan.add(std::move(info));
}

// A tensor of type T.
TensorId TrainingBuilder::numbers(const std::string &name, std::vector<int> extents, Storage storage) {
    return add(name, std::move(extents), storage,
               shape().dtype == Dtype::F64 ? ElementType::Float64 : ElementType::Float32);
}

Feature TrainingBuilder::feature(const std::string &name, int channels, int width, int height, int border) {
    const TensorId id = numbers(name, {channels, width, height, shape().flat_frames()});
    result_.plan.tensors[size_t(id)].border = border;
    return {id, channels, width, height};
}

Feature TrainingBuilder::feature_like(const std::string &name, const Feature &like, int channels, int width, int height,
                                      int border) {
    const Feature made = feature(name, channels, width, height, border);
    result_.plan.tensors[size_t(made.tensor)].extents[3] = result_.plan.tensors[size_t(like.tensor)].extents[3];
    follow(made.tensor, like.tensor);
    return made;
}

KernelSpec TrainingBuilder::typed(KernelSpec spec) const {
    if (shape().dtype != Dtype::F32) spec.set("dtype", dtype_name(shape().dtype));
    return spec;
}

Step &TrainingBuilder::step(const std::string &label, KernelSpec kernel, std::vector<Argument> arguments) {
    Step step;
    step.label = label;
    step.kernel = typed(std::move(kernel));
    step.arguments = std::move(arguments);
    step.frames = shape().flat_frames();
    govern(step);
    result_.plan.steps.push_back(std::move(step));
    return result_.plan.steps.back();
}

bool TrainingBuilder::wanted(TensorId tensor) const {
    return size_t(tensor) >= unwanted_.size() || !unwanted_[size_t(tensor)];
}

bool TrainingBuilder::has_gradient(TensorId tensor) const {
    return size_t(tensor) < written_.size() && written_[size_t(tensor)];
}

TensorId TrainingBuilder::gradient(TensorId tensor) {
    if (gradients_.size() <= size_t(tensor)) gradients_.resize(size_t(tensor) + 1, kNoTensor);
    if (gradients_[size_t(tensor)] == kNoTensor) {
        const TensorInfo &of = result_.plan.tensors[size_t(tensor)];
        const TensorId made = numbers("gradient of " + of.name, of.extents);
        gradients_[size_t(tensor)] = made;
        follow(made, tensor);
    }
    return gradients_[size_t(tensor)];
}

bool TrainingBuilder::gradient_written(TensorId tensor) {
    if (written_.size() <= size_t(tensor)) written_.resize(size_t(tensor) + 1, false);
    const bool before = written_[size_t(tensor)];
    written_[size_t(tensor)] = true;
    return before;
}

TrainingPlan TrainingBuilder::finish() {
    result_.forward_end = result_.plan.steps.size();
    for (size_t i = tape_.size(); i > 0; i--) tape_[i - 1]();
    tape_.clear();
    result_.backward_end = result_.plan.steps.size();
    return std::move(result_);
}

TensorId TrainingBuilder::parameter(const std::string &key, std::vector<int64_t> shape, std::vector<int> extents,
                                    bool output_innermost) {
    TrainedParameter parameter;
    parameter.info = {key, std::move(shape)};
    parameter.output_innermost = output_innermost;
    parameter.value = numbers(key, extents, Storage::Input);
    if (choices_.trained(key)) parameter.gradient = numbers("gradient of " + key, std::move(extents), Storage::Kept);
    result_.state_dict.push_back(parameter.info);
    result_.parameters.push_back(std::move(parameter));
    return result_.parameters.back().value;
}

TensorId TrainingBuilder::vector_parameter(const std::string &key, int length) {
    return parameter(key, {length}, {length}, false);
}

// kNoTensor where the parameter is not trained.
TensorId TrainingBuilder::parameter_gradient(TensorId value) const {
    for (const TrainedParameter &parameter : result_.parameters) {
        if (parameter.value == value) return parameter.gradient;
    }
    return kNoTensor;
}

TrainingBuilder::Norm TrainingBuilder::norm_parameters(const std::string &key, int channels) {
    Norm norm;
    norm.key = key;
    norm.frozen = choices_.frozen_norm(key);
    norm.gamma = vector_parameter(key + ".weight", channels);
    norm.beta = vector_parameter(key + ".bias", channels);
    RunningStatistics running{key, channels, kNoTensor, kNoTensor};
    running.mean = numbers(key + ".running_mean", {channels}, Storage::Input);
    running.variance = numbers(key + ".running_var", {channels}, Storage::Input);
    for (const char *name : {".running_mean", ".running_var"}) result_.state_dict.push_back({key + name, {channels}});
    norm.mean = running.mean;
    norm.variance = running.variance;
    result_.statistics.push_back(std::move(running));
    return norm;
}

// Of each frame of `normalised`, `pixels` elements of each channel were normalised.
void TrainingBuilder::running_statistics(const Norm &norm, int pixels, TensorId mean, TensorId variance,
                                         TensorId normalised) {
    const RunningStatistics &running = result_.statistics.back();
    const Selection *listed = list_of(normalised);
    std::vector<Argument> arguments = {{"mean", mean},
                                       {"variance", variance},
                                       {"running_mean", running.mean},
                                       {"running_variance", running.variance},
                                       {"running_mean_next", running.mean},
                                       {"running_variance_next", running.variance}};
    KernelSpec spec("batch_norm_running");
    if (listed) {
        spec.set("listed", true);
        arguments.push_back({"sources", listed->sources, Frames::Selected});
    }
    Step &update = step(norm.key + ".running", spec, std::move(arguments));
    update.scalars = {{"momentum", 0.1}, {"count", double(listed ? pixels : pixels * shape().flat_frames())}};
    if (listed) update.count = listed->count;
}

Feature TrainingBuilder::input(int border) {
    const Feature video = feature("video", 3, shape().width, shape().height, border);
    result_.plan.tensors[size_t(video.tensor)].storage = Storage::Input;
    result_.video = video.tensor;
    unwanted_.resize(size_t(video.tensor) + 1, false);
    unwanted_[size_t(video.tensor)] = true;
    return video;
}

TensorId TrainingBuilder::unread_mask() {
    if (unread_mask_ == kNoTensor) unread_mask_ = numbers("unread mask", {shape().flat_frames()}, Storage::Input);
    return unread_mask_;
}

// TSM and the mask's product (AFNET_SPEC §2.2): what a branch reads.
Feature TrainingBuilder::shifted(const std::string &label, const Feature &in, bool shifts, const Selection *selection,
                                 int border) {
    if (!shifts && !selection) return in;
    const Feature out = feature(label, in.channels, in.width, in.height, border);
    const TensorId mask = selection ? selection->deciding_mask() : unread_mask();
    const auto spec = [&](const char *generator) {
        return KernelSpec(generator).set("shift", shifts).set("masked", selection != nullptr);
    };
    const std::vector<Scalar> scalars = {{"frames_per_clip", double(shape().frames)}};
    step(label, spec("temporal_shift"), {{"input", in.tensor}, {"mask", mask}, {"output", out.tensor}}).scalars =
        scalars;
    record([=, gradient_spec = spec("temporal_shift_grad"), selection_given = selection != nullptr]() mutable {
        if (!has_gradient(out.tensor)) return;
        const TensorId d_in = gradient(in.tensor);
        gradient_spec.set("accumulate", gradient_written(in.tensor));
        const auto emit = [&](TensorId d_mask) {
            step(label + ".gradient", gradient_spec,
                 {{"input", in.tensor},
                  {"mask", mask},
                  {"d_output", gradient(out.tensor)},
                  {"d_input_before", d_in},
                  {"d_input", d_in},
                  {"d_mask", d_mask}})
                .scalars = scalars;
        };
        if (selection_given) {
            add_part(label, mask, emit);
        } else {
            emit(gradient(mask));
        }
    });
    return out;
}

Feature TrainingBuilder::convolved(Kind kind, const Feature &in, const ConvLayer &layer) {
    const bool depthwise = kind == Kind::Depthwise;
    const int k = layer.kernel, channels = in.channels / layer.groups;
    widen_border(result_.plan.tensors[size_t(in.tensor)], k);
    const std::vector<int64_t> shape = {layer.out, channels, k, k};
    const TensorId weights = parameter(
        layer.conv + ".weight", shape,
        depthwise ? std::vector<int>{layer.out, k, k} : std::vector<int>{layer.out, channels, k, k}, true);
    const Feature out =
        feature_like(layer.label, in, layer.out, strided(in.width, layer.stride), strided(in.height, layer.stride));
    const auto spec = [&](const std::string &part) {
        KernelSpec kernel((depthwise ? "depthwise_" : "conv2d_") + part);
        if (depthwise) {
            kernel.set("channels", in.channels);
        } else {
            kernel.set("ci", in.channels).set("co", layer.out).set("groups", layer.groups);
        }
        return kernel.set("kernel", k).set("stride", layer.stride);
    };
    const double macs = double(out.width) * out.height * layer.out * channels * k * k;
    step(layer.label, spec("forward"),
         {{"input", in.tensor, Frames::All, 0, k > 1}, {"weights", weights}, {"output", out.tensor}})
        .macs = macs;
    const std::string label = layer.label;
    record([=, to_weights = spec("grad_weights"), to_input = spec("grad_input")]() mutable {
        if (!has_gradient(out.tensor)) return;
        if (const TensorId d_weights = parameter_gradient(weights); d_weights != kNoTensor) {
            step(label + ".weights_gradient", to_weights,
                 {{"input", in.tensor, Frames::All, 0, k > 1},
                  {"d_output", gradient(out.tensor)},
                  {"d_weights", d_weights}})
                .macs = macs;
        }
        if (!wanted(in.tensor)) return;
        const TensorId d_in = gradient(in.tensor);
        to_input.set("accumulate", gradient_written(in.tensor));
        step(label + ".input_gradient", to_input,
             {{"d_output", gradient(out.tensor)},
              {"weights", weights},
              {"d_input_before", d_in},
              {"d_input", d_in}})
            .macs = macs;
    });
    return out;
}

Feature TrainingBuilder::normalized(const std::string &label, const std::string &key, const Feature &in,
                                    const Feature *residual, const std::string &activation, int border) {
    Norm norm = norm_parameters(key, in.channels);
    if (!norm.frozen) {
        norm.mean = numbers(key + ".mean", {in.channels});
        norm.variance = numbers(key + ".variance", {in.channels});
        step(key + ".statistics", KernelSpec("batch_norm_statistics"),
             {{"input", in.tensor}, {"mean", norm.mean}, {"variance", norm.variance}});
        running_statistics(norm, in.width * in.height, norm.mean, norm.variance, in.tensor);
    }
    const Feature out = feature_like(label + ".out", in, in.channels, in.width, in.height, border);
    const Argument added =
        residual ? Argument{"residual", residual->tensor} : unread("residual", in.tensor);
    step(key, KernelSpec("batch_norm_forward").set("activation", activation).set("add_residual", residual != nullptr),
         {{"input", in.tensor},
          {"mean", norm.mean},
          {"variance", norm.variance},
          {"gamma", norm.gamma},
          {"beta", norm.beta},
          added,
          {"output", out.tensor}});
    const TensorId shortcut = residual ? residual->tensor : kNoTensor;
    record([=] {
        if (!has_gradient(out.tensor)) return;
        const TensorId d_out = gradient(out.tensor), d_in = gradient(in.tensor);
        const auto spec = [&](const char *generator) {
            return KernelSpec(generator).set("activation", activation).set("add_residual", shortcut != kNoTensor);
        };
        const std::vector<Argument> read = {{"input", in.tensor},      {"output", out.tensor}, {"d_output", d_out},
                                            {"mean", norm.mean},       {"variance", norm.variance},
                                            {"gamma", norm.gamma},     {"beta", norm.beta},    added};
        // Both sums are needed for the input's gradient too; where the parameters are not trained they are scratch.
        const auto sums = [&](TensorId value) {
            const TensorId trained = parameter_gradient(value);
            return trained != kNoTensor ? trained : gradient(value);
        };
        const TensorId d_gamma = sums(norm.gamma), d_beta = sums(norm.beta);
        std::vector<Argument> arguments = read;
        arguments.insert(arguments.end(), {{"d_gamma", d_gamma}, {"d_beta", d_beta}});
        if (!norm.frozen || parameter_gradient(norm.gamma) != kNoTensor || parameter_gradient(norm.beta) != kNoTensor) {
            step(norm.key + ".parameters_gradient", spec("batch_norm_grad_sums"), arguments);
        }
        const TensorId d_shortcut = shortcut == kNoTensor ? d_in : gradient(shortcut);
        const char *residual_grad = shortcut == kNoTensor         ? "none"
                                    : gradient_written(shortcut) ? "accumulate"
                                                                 : "store";
        if (norm.frozen) {  // the sums play no part
            arguments = read;
            arguments.insert(arguments.end(), {unread("d_gamma", norm.gamma), unread("d_beta", norm.beta)});
        }
        arguments.push_back({"d_input", d_in});
        arguments.push_back({"d_residual_before", d_shortcut, Frames::All, 0, false, shortcut == kNoTensor});
        arguments.push_back({"d_residual", d_shortcut, Frames::All, 0, false, shortcut == kNoTensor});
        gradient_written(in.tensor);
        step(norm.key + ".input_gradient",
             spec("batch_norm_grad_input").set("frozen", norm.frozen).set("residual_grad", residual_grad), arguments);
    });
    return out;
}

Feature TrainingBuilder::conv(const Feature &in, const ConvLayer &layer) {
    if (tiles_) return conv_of_tiles(in, layer, *tiles_);
    const bool selects = layer.gather == Gather::Selected;
    const bool shifts = shift() && (selects || layer.gather == Gather::Shifted);
    const int reach = (layer.kernel - 1) / 2;
    Feature read = selects && sparse()
                       ? gathered(layer.label + ".gather", in, *layer.selection, reach)
                       : shifted(layer.label + ".shift", in, shifts, selects ? layer.selection : nullptr, reach);
    if (patches_) { // the first convolution's frames are masked already
        read = masked_patches(layer.label + ".patches", read, *patches_, selects ? nullptr : layer.selection, reach);
    }
    const Feature sum = convolved(Kind::Convolution, read, layer);
    if (layer.scatter && sparse()) {
        const Feature branch = normalized(layer.label, layer.norm, sum, nullptr, "linear", 0);
        return scattered(layer.label + ".scatter", branch, layer.onto, *layer.selection, layer.activation);
    }
    const bool adds = layer.onto.tensor != kNoTensor;
    return normalized(layer.label, layer.norm, sum, adds ? &layer.onto : nullptr,
                      layer.projects ? "linear" : layer.activation, layer.border);
}

Feature TrainingBuilder::depthwise(const Feature &in, const ConvLayer &given) {
    ConvLayer layer = given;
    layer.out = layer.groups = in.channels;
    const bool shifts = shift() && layer.gather == Gather::Shifted;
    const Feature read = shifted(layer.label + ".shift", in, shifts, nullptr, (layer.kernel - 1) / 2);
    const Feature sum = convolved(Kind::Depthwise, read, layer);
    return normalized(layer.label, layer.norm, sum, nullptr, layer.activation, layer.border);
}

Feature TrainingBuilder::stem(const std::string &conv_key, const std::string &norm, const Feature &in, int channels) {
    ConvLayer layer;
    layer.label = layer.conv = conv_key;
    layer.norm = norm;
    layer.out = channels;
    layer.kernel = 7;
    layer.stride = 2;
    const Feature sum = conv(in, layer);
    const Feature out = feature("stem", channels, strided(sum.width, 2), strided(sum.height, 2));
    const TensorId index =
        add("stem.index", {channels, out.width, out.height, shape().flat_frames()}, Storage::Arena, ElementType::UInt8);
    step("stem.pool", KernelSpec("max_pool_forward"),
         {{"input", sum.tensor}, {"output", out.tensor}, {"index", index}});
    record([=] {
        if (!has_gradient(out.tensor)) return;
        const TensorId d_in = gradient(sum.tensor);
        const bool before = gradient_written(sum.tensor);
        step("stem.pool.gradient", KernelSpec("max_pool_grad").set("accumulate", before),
             {{"d_output", gradient(out.tensor)}, {"index", index}, {"d_input_before", d_in}, {"d_input", d_in}});
    });
    return out;
}

Feature TrainingBuilder::avg_pool(const std::string &label, const Feature &in) {
    const Feature out = feature(label, in.channels, strided(in.width, 2), strided(in.height, 2));
    step(label, KernelSpec("avg_pool"), {{"input", in.tensor}, {"output", out.tensor}});
    record([=] {
        if (!has_gradient(out.tensor)) return;
        const TensorId d_in = gradient(in.tensor);
        const bool before = gradient_written(in.tensor);
        step(label + ".gradient", KernelSpec("avg_pool_grad").set("accumulate", before),
             {{"d_output", gradient(out.tensor)}, {"d_input_before", d_in}, {"d_input", d_in}});
    });
    return out;
}

void TrainingBuilder::tap(const std::string &name, TensorId tensor) {
    result_.plan.taps.push_back({name, result_.plan.steps.size() - 1, tensor});
}

}  // namespace afnet
