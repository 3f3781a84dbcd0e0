// The part of the training vocabulary that works on vectors: gates, navigation, the classifier and the loss.
#include "model/training_builder.h"

namespace afnet {

TensorId TrainingBuilder::spatial_mean(const std::string &label, const Feature &in, const Feature *coarse,
                                       const Selection *) {
    const TensorId out = numbers(label, {in.channels, shape().flat_frames()});
    follow(out, in.tensor);
    step(label, KernelSpec("spatial_mean").set("upsample", coarse != nullptr),
         {{"input", in.tensor},
          coarse ? Argument{"coarse", coarse->tensor} : unread("coarse", in.tensor),
          {"output", out}});
    const Feature enlarged = coarse ? *coarse : Feature{};
    record([=] {
        if (!has_gradient(out)) return;
        const auto spread = [&](const Feature &feature, bool is_coarse) {
            const TensorId d_in = gradient(feature.tensor);
            const bool before = gradient_written(feature.tensor);
            step(label + (is_coarse ? ".coarse_gradient" : ".gradient"),
                 KernelSpec("spatial_mean_grad").set("accumulate", before).set("coarse", is_coarse),
                 {{"d_output", gradient(out)}, {"d_input_before", d_in}, {"d_input", d_in}})
                .scalars = {{"fine_width", double(in.width)}, {"fine_height", double(in.height)}};
        };
        spread(in, false);
        if (enlarged.tensor != kNoTensor) spread(enlarged, true);
    });
    return out;
}

// On vectors, where the derivative does not follow from the result.
TensorId TrainingBuilder::activated(const std::string &label, TensorId in, const std::string &activation) {
    const TensorId out = numbers(label + ".activated", result_.plan.tensors[size_t(in)].extents);
    follow(out, in);
    step(label + ".activation", KernelSpec("activation_forward").set("activation", activation),
         {{"input", in}, {"output", out}});
    record([=] {
        if (!has_gradient(out)) return;
        gradient_written(in);  // it has no other reader
        step(label + ".activation_gradient", KernelSpec("activation_grad").set("activation", activation),
             {{"input", in}, {"d_output", gradient(out)}, {"d_input", gradient(in)}});
    });
    return out;
}

TensorId TrainingBuilder::linear(const std::string &key, TensorId in, int out, bool bias, const std::string &activation,
                                 const Selection *) {
    const int channels = result_.plan.tensors[size_t(in)].extents[0];
    const bool apart = activation == "hswish";
    const std::string own = apart ? "linear" : activation;
    const TensorId weights = parameter(key + ".weight", {out, channels}, {out, channels}, true);
    const TensorId biases = bias ? vector_parameter(key + ".bias", out) : numbers(key + ".no_bias", {out}, Storage::Input);
    const TensorId result = numbers(key, {out, shape().flat_frames()});
    follow(result, in);
    step(key, KernelSpec("linear_forward").set("activation", own),
         {{"input", in}, {"weights", weights}, {"bias", biases}, {"output", result}})
        .macs = double(out) * channels;
    record([=] {
        if (!has_gradient(result)) return;
        const TensorId d_weights = parameter_gradient(weights), d_result = gradient(result);
        TensorId d_bias = bias ? parameter_gradient(biases) : kNoTensor;
        if (d_weights != kNoTensor || d_bias != kNoTensor) {
            if (d_bias == kNoTensor) d_bias = gradient(biases);
            step(key + ".weights_gradient", KernelSpec("linear_grad_weights").set("activation", own),
                 {{"input", in},
                  {"output", result},
                  {"d_output", d_result},
                  {"d_weights", d_weights != kNoTensor ? d_weights : gradient(weights)},
                  {"d_bias", d_bias}})
                .macs = double(out) * channels;
        }
        const TensorId d_in = gradient(in);
        const bool before = gradient_written(in);
        step(key + ".input_gradient", KernelSpec("linear_grad_input").set("activation", own).set("accumulate", before),
             {{"weights", weights},
              {"output", result},
              {"d_output", d_result},
              {"d_input_before", d_in},
              {"d_input", d_in}})
            .macs = double(out) * channels;
    });
    return apart ? activated(key, result, activation) : result;
}

Feature TrainingBuilder::scale_channels(const std::string &label, const Feature &in, TensorId gate,
                                        const std::string &activation, const Selection *) {
    const Feature out = feature(label, in.channels, in.width, in.height);
    follow(out.tensor, in.tensor);
    step(label, KernelSpec("scale_channels").set("activation", activation),
         {{"input", in.tensor}, {"gate", gate}, {"output", out.tensor}});
    record([=] {
        if (!has_gradient(out.tensor)) return;
        // The gate's mean reads the input too, and comes earlier in the forward pass: this gradient is the first.
        gradient_written(in.tensor);
        gradient_written(gate);
        step(label + ".gradient", KernelSpec("scale_channels_grad").set("activation", activation),
             {{"input", in.tensor},
              {"gate", gate},
              {"d_output", gradient(out.tensor)},
              {"d_input", gradient(in.tensor)},
              {"d_gate", gradient(gate)}});
    });
    return out;
}

Selection TrainingBuilder::navigate(const std::string &keys, const std::string &block, const Feature &ample) {
    const int channels = ample.channels, frames = shape().flat_frames(), t = shape().frames;
    Selection s;
    s.name = block;
    const TensorId pool_weights = parameter(keys + ".conv_pool.weight", {2, channels, 1, 1}, {2, channels}, true);
    Norm norm = norm_parameters(keys + ".bn", 2);
    const TensorId gate_weights = parameter(keys + ".conv_gs.weight", {2 * t, 2, 1, 1}, {2, 2, t}, false);
    const TensorId gate_bias = parameter(keys + ".conv_gs.bias", {2 * t}, {2, t}, false);
    const TensorId pooled = spatial_mean(keys + ".pool", ample, nullptr, nullptr);
    s.logits = numbers(keys + ".logits", {2, frames}, Storage::Kept);
    s.uniform = numbers(keys + ".uniform", {2, frames}, Storage::Input);
    s.soft = shape().soft_masks;
    const TensorId hard = numbers(keys + ".mask", {frames}, Storage::Kept);
    if (shape().forced_masks) s.forced = numbers(keys + ".forced_mask", {frames}, Storage::Input);
    const TensorId projection = numbers(keys + ".projection", {2, frames});
    const TensorId soft = numbers(keys + ".soft", {frames}, s.soft ? Storage::Kept : Storage::Arena);
    s.mask = s.soft ? soft : hard;
    const TensorId mean = numbers(keys + ".bn.mean", {2}), variance = numbers(keys + ".bn.variance", {2});
    const RunningStatistics running = result_.statistics.back();
    const std::vector<Argument> read = {{"pooled", pooled},
                                        {"pool_weights", pool_weights},
                                        {"gamma", norm.gamma},
                                        {"beta", norm.beta},
                                        {"gate_weights", gate_weights},
                                        {"gate_bias", gate_bias},
                                        {"uniform", s.uniform},
                                        {"given_mean", running.mean},
                                        {"given_variance", running.variance}};
    const std::vector<Scalar> scalars = {{kTemperature, 1.0}, {"statistics_given", norm.frozen ? 1.0 : 0.0}};
    std::vector<Argument> arguments = read;
    arguments.insert(arguments.end(), {{"projection", projection},
                                       {"mean", mean},
                                       {"variance", variance},
                                       {"logits", s.logits},
                                       {"soft", soft},
                                       {"mask", hard}});
    step(keys, KernelSpec("navigation_forward"), arguments).scalars = scalars;
    if (!norm.frozen) running_statistics(norm, 1, mean, variance, pooled);
    if (sparse()) list_frames(keys, s);
    const TensorId ratio = numbers(keys + ".ratio_error", {1}, Storage::Kept);
    const size_t number = result_.selections.size();
    result_.ratio_errors.push_back(ratio);
    result_.ratio_steps.push_back(0); // until the tape runs
    result_.selections.push_back(s);
    record([=] {
        // With forced masks nothing reads the navigation's own.
        const TensorId d_mask = gradient(s.mask);
        const bool before = gradient_written(s.mask);
        result_.ratio_steps[number] = result_.plan.steps.size();
        step(keys + ".ratio", KernelSpec("ratio_loss").set("accumulate", before),
             {{"mask", s.deciding_mask()}, {"d_mask_before", d_mask}, {"value", ratio}, {"d_mask", d_mask}})
            .scalars = {{kTargetRatio, 1.0}, {kRatioWeight, 0.0}, {kOtherSelected, 0.0}, {kOtherFrames, 0.0}};
        const auto trained = [&](TensorId value) {
            const TensorId d = parameter_gradient(value);
            return d != kNoTensor ? d : gradient(value);
        };
        std::vector<Argument> gradients = read;
        gradients.insert(gradients.end(), {{"projection", projection},
                                           {"mean", mean},
                                           {"variance", variance},
                                           {"logits", s.logits},
                                           {"soft", soft},
                                           {"d_mask", d_mask},
                                           {"d_pooled", gradient(pooled)},
                                           {"d_pool_weights", trained(pool_weights)},
                                           {"d_gamma", trained(norm.gamma)},
                                           {"d_beta", trained(norm.beta)},
                                           {"d_gate_weights", trained(gate_weights)},
                                           {"d_gate_bias", trained(gate_bias)}});
        gradient_written(pooled);
        step(keys + ".gradient", KernelSpec("navigation_grad"), gradients).scalars = scalars;
    });
    return s;
}

Feature TrainingBuilder::focal(FocalBlock &block, const Feature &in, const Feature &state, const FocalBranch &branch) {
    if (block.patches && sparse()) {
        tiles_ = list_tiles(in, *block.patches, block.selection);
    } else {
        patches_ = block.patches;
    }
    const Feature out = branch(*this, in, state, block.selection, block.activation);
    patches_ = nullptr;
    tiles_.reset();
    return out;
}

Feature TrainingBuilder::fuse(const std::string &label, const Feature &ample, const Feature &focal, TensorId theta,
                              const std::string &activation) {
    const Feature out = feature(label, focal.channels, focal.width, focal.height);
    step(label, KernelSpec("fuse_branches").set("activation", activation),
         {{"ample", ample.tensor}, {"focal", focal.tensor}, {"theta", theta}, {"output", out.tensor}});
    record([=] {
        if (!has_gradient(out.tensor)) return;
        // The fusion weights read both branches earlier in the forward pass: these gradients are the first.
        for (TensorId id : {ample.tensor, focal.tensor, theta}) gradient_written(id);
        step(label + ".gradient", KernelSpec("fuse_branches_grad").set("activation", activation),
             {{"ample", ample.tensor},
              {"focal", focal.tensor},
              {"theta", theta},
              {"output", out.tensor},
              {"d_output", gradient(out.tensor)},
              {"d_ample", gradient(ample.tensor)},
              {"d_focal", gradient(focal.tensor)},
              {"d_theta", gradient(theta)}});
    });
    return out;
}

TensorId TrainingBuilder::drop(TensorId in) {
    if (!choices_.drop) return in;
    const std::vector<int> extents = result_.plan.tensors[size_t(in)].extents;
    const TensorId out = numbers("dropped", extents);
    result_.dropout = add("dropout.uniform", extents, Storage::Input, ElementType::Float32);
    const TensorId uniform = result_.dropout;
    const std::vector<Scalar> scalars = {{kDropoutRate, 0.0}};
    step("dropout", KernelSpec("dropout"), {{"input", in}, {"uniform", uniform}, {"output", out}}).scalars = scalars;
    record([=] {
        if (!has_gradient(out)) return;
        gradient_written(in);
        step("dropout.gradient", KernelSpec("dropout"),
             {{"input", gradient(out)}, {"uniform", uniform}, {"output", gradient(in)}})
            .scalars = scalars;
    });
    return out;
}

void TrainingBuilder::head_consensus(TensorId logits, int classes) {
    result_.plan.tensors[size_t(logits)].storage = Storage::Kept;
    result_.logits = logits;
    result_.labels = add("labels", {shape().clips}, Storage::Input, ElementType::Int32);
    result_.clip_logits = numbers("clip_logits", {classes, shape().clips}, Storage::Kept);
    result_.losses = numbers("losses", {shape().clips}, Storage::Kept);
    gradient_written(logits);
    step("loss", KernelSpec("consensus_loss"),
         {{"logits", logits},
          {"labels", result_.labels},
          {"clip_logits", result_.clip_logits},
          {"losses", result_.losses},
          {"d_logits", gradient(logits)}})
        .scalars = {{"smoothing", 0.0}};
}

}  // namespace afnet
