// Focal blocks with masks in space (docs/spatial.md): the branch at listed pixels, and once more on whole frames, with
// the pixels that the mask rejects cleared between convolutions. At run time a count says which of both computes a
// block's frames; the other one has none, and costs nothing. On GPUs, and in basic blocks, there is the branch at
// listed pixels alone.
#include "model/folded_layer.h"
#include "model/packing.h"
#include "model/patch_navigation.h"
#include "model/plan_builder.h"
#include "model/spatial_break_even.h"

namespace afnet {

namespace {

// The nine taps of conv1, [k + 4 (u + 3 v), c], from PyTorch's [k][c][v][u].
PackedConstant packed_taps(const Weights &weights, const std::string &keys, int channels) {
    const std::vector<float> folded =
        folded_weights(weights, keys + ".conv1", keys + ".bn1", kPatchHidden, channels, 3);
    PackedConstant packed{{9 * kPatchHidden, channels}, std::vector<float>(folded.size())};
    for (int k = 0; k < kPatchHidden; k++) {
        for (int c = 0; c < channels; c++) {
            for (int tap = 0; tap < 9; tap++) {
                packed.elements[size_t(k + kPatchHidden * (tap + 9 * c))] =
                    folded[size_t((k * channels + c) * 9 + tap)];
            }
        }
    }
    return packed;
}

} // namespace

// The navigation's own mask: one step.
void PlanBuilder::choose_patches(PatchSelection &patches, const Feature &ample, int grid) {
    const std::string keys = patch_navigation_key(patches.name);
    const int channels = ample.channels, frames = shape().flat_frames();
    for (const ParameterInfo &info : patch_navigation_parameters(patches.name, channels))
        need(info.key, info.shape);
    patches.mask = integers(patches.name + ".spatial_mask", {grid, grid, frames}, Storage::Kept);
    TensorInfo logits;
    logits.name = patches.name + ".spatial_logits";
    logits.extents = {kPatchLogits, grid, grid, frames};
    logits.storage = Storage::Kept;
    patches.logits = network_.plan.add(logits);
    logits.name = patches.name + ".spatial_uniform";
    logits.storage = Storage::Input;
    patches.uniform = network_.plan.add(logits);
    const TensorId conv_weights = constant(keys + ".conv_weights"), conv_bias = constant(keys + ".conv_bias");
    const TensorId gate_weights = constant(keys + ".gate_weights"), gate_bias = constant(keys + ".gate_bias");
    Step &gate = add_step(keys, KernelSpec("spatial_navigation").set("hidden", kPatchHidden), nullptr);
    gate.arguments = {{"input", ample.tensor},        {"conv_weights", conv_weights}, {"conv_bias", conv_bias},
                      {"gate_weights", gate_weights}, {"gate_bias", gate_bias},       {"uniform", patches.uniform},
                      {"logits", patches.logits},     {"mask", patches.mask}};
    if (shape().on_gpu) {
        TensorInfo features;
        features.name = patches.name + ".spatial_features";
        features.extents = {kPatchHidden, ample.width, ample.height, frames};
        gate.arguments.push_back({"features", network_.plan.add(features)});
    }
    gate.scalars = {{"stochastic", shape().gumbel_noise ? 1.0 : 0.0}};
    gate.macs = 9.0 * kPatchHidden * channels * ample.width * ample.height + kPatchHidden * kPatchLogits * grid * grid;
    pack(conv_weights,
         [keys, channels](const Weights &w, const KernelEntry &) { return packed_taps(w, keys, channels); });
    pack(conv_bias, [keys](const Weights &w, const KernelEntry &) {
        return PackedConstant{{kPatchHidden}, folded_bias(w, keys + ".bn1", kPatchHidden)};
    });
    // PyTorch's [q][k] is [k, q] innermost first.
    pack(gate_weights, [keys](const Weights &w, const KernelEntry &) {
        return PackedConstant{{kPatchHidden, kPatchLogits},
                              w({keys + ".conv2.weight", {kPatchLogits, kPatchHidden, 1, 1}})};
    });
    pack(gate_bias, [keys](const Weights &w, const KernelEntry &) {
        return PackedConstant{{kPatchLogits}, w({keys + ".conv2.bias", {kPatchLogits}})};
    });
}

PatchSelection PlanBuilder::navigate_patches(const std::string &block, const Feature &ample, int grid,
                                             const Selection *) {
    if (shape().dtype != Dtype::F32) {
        throw Error(block + ": masks in space run in f32 only, not in " + dtype_name(shape().dtype));
    }
    PatchSelection patches;
    patches.name = block;
    if (shape().forced_grid == 0) choose_patches(patches, ample, grid);
    if (shape().forced_grid > 0 || shape().forced_patches)
        patches.forced = integers(block + ".forced_spatial_mask", {grid, grid, shape().flat_frames()}, Storage::Input);
    network_.patches.push_back(patches);
    return patches;
}

Feature PlanBuilder::spatial_focal(FocalBlock &block, const Feature &in, const Feature &state,
                                   const FocalBranch &branch) {
    Selection every;
    if (!block.selection) {
        every.sources = identity_sources();
        every.count = identity_count_;
    }
    const PatchLists lists = list_patches(block, block.selection ? *block.selection : every, state);
    projected_ = in.tensor != state.tensor;
    settle_read_patches(block, state, lists);

    const size_t first_constant = network_.constants.size();
    if (!lists.alone) {
        masking_ = &lists;
        branch(*this, in, state, &lists.whole, block.activation);
        masking_ = nullptr;
    }
    at_points_ = &lists;
    const Feature out = branch(*this, in, state, &lists.listed, block.activation);
    at_points_ = nullptr;
    owe_patches(block, state, lists);

    if (!block.selection || shape().unselected == Unselected::Skipped) return out;
    answer_unselected(block, in, state, first_constant, branch);
    return out;
}

// Which patches the block computes, and which way.
PlanBuilder::PatchLists PlanBuilder::decide_patches(const FocalBlock &block, const Selection &frames,
                                                    const Feature &state) {
    PatchLists lists;
    lists.mask = block.patches->deciding_mask();
    lists.listed.sources = lists.whole.sources = frames.sources;
    lists.alone = shape().on_gpu || block.basic;
    if (lists.alone) {
        lists.listed.count = frames.count;
        lists.whole.count = unused_list(no_frames_, "no_frames", {1});
    } else {
        choose_way(block, frames, state, lists);
    }
    return lists;
}

PlanBuilder::PatchLists PlanBuilder::list_patches(const FocalBlock &block, const Selection &frames,
                                                  const Feature &state) {
    const int f = shape().flat_frames();
    PatchLists lists = payment_ ? payment_->lists : decide_patches(block, frames, state);
    lists.point_frames = state.width * state.height * f;
    lists.points.count = integers(block.key + ".point_count", {2}, Storage::Kept);
    lists.slots = integers(block.key + ".slots", {1, state.width, state.height, f});
    network_.plan.tensors[size_t(lists.slots)].border = 1;
    lists.point_list = list_tiles(block.key + ".points", lists, 1, state, lists.points.count, lists.slots);
    PatchCounts counts;
    counts.points = lists.points.count;
    counts.width = state.width;
    counts.height = state.height;
    if (!shape().on_gpu) {
        list_convolved_tiles(block, state, lists);
        if (!lists.alone) counts.whole = lists.whole.count;
        counts.tiles = lists.tiles.count;
        counts.side = lists.side;
    }
    network_.patch_counts.push_back(counts);
    return lists;
}

void PlanBuilder::choose_way(const FocalBlock &block, const Selection &frames, const Feature &state,
                             PatchLists &lists) {
    lists.listed.count = integers(block.key + ".listed_frames", {1}, Storage::Kept);
    lists.whole.count = integers(block.key + ".whole_frames", {1}, Storage::Kept);
    Step &choice = add_step(block.key + ".choice", KernelSpec("patch_choice"), nullptr);
    choice.arguments = {{"mask", lists.mask},
                        {"sources", frames.sources},
                        {"frame_count", frames.count},
                        {"listed", lists.listed.count},
                        {"whole", lists.whole.count}};
    choice.scalars = {{"width", double(state.width)},
                      {"height", double(state.height)},
                      {"break_even", spatial_break_even(state.channels / 4)}};
}

// The 3x3 convolution runs in tiles, whose sums cost less than those of as many points.
void PlanBuilder::list_convolved_tiles(const FocalBlock &block, const Feature &state, PatchLists &lists) {
    lists.side = spatial_tile_side(state.width, network_.plan.tensors[size_t(lists.mask)].extents[0]);
    const int columns = (state.width + lists.side - 1) / lists.side,
              rows = (state.height + lists.side - 1) / lists.side;
    lists.tile_frames = columns * rows * shape().flat_frames();
    lists.tiles.count = integers(block.key + ".tile_count", {2}, Storage::Kept);
    lists.tile_list = list_tiles(block.key + ".tiles", lists, lists.side, state, lists.tiles.count,
                                 integers(block.key + ".tile_slots", {1, columns, rows, shape().flat_frames()}));
}

TensorId PlanBuilder::list_tiles(const std::string &label, const PatchLists &lists, int side, const Feature &state,
                                 TensorId count, TensorId slots) {
    const TensorId list = integers(label, {5, side == 1 ? lists.point_frames : lists.tile_frames});
    Step &step = add_step(label, KernelSpec("tile_list").set("side", side), &lists.listed);
    Argument places{"slots", slots}, counts{"count", count};
    places.single = true;
    counts.zeroed = true;
    step.arguments = {{"mask", lists.mask},
                      {"sources", lists.listed.sources, Frames::Selected},
                      {"frame_count", lists.listed.count},
                      {"list", list},
                      places,
                      counts};
    if (shape().on_gpu) {
        const std::vector<int> starts = {(state.height + side - 1) / side + 1, shape().flat_frames()};
        step.arguments.push_back({"line_starts", integers(label + ".line_starts", starts)});
    }
    step.scalars = {{"width", double(state.width)}, {"height", double(state.height)}};
    return list;
}

// Channels of listed points one behind the other. `zero_point`: a 3x3 convolution reads them, and a pixel of zeroes for
// neighbours that are not listed.
Feature PlanBuilder::compact_points(const std::string &label, int channels, const Feature &of, bool zero_point) {
    TensorInfo compact;
    compact.name = label + ".points";
    compact.extents = {channels, 1, 1, at_points_->point_frames};
    compact.zero_frame = zero_point;
    return {network_.plan.add(compact), channels, of.width, of.height};
}

Feature PlanBuilder::conv_at_points(const Feature &in, const ConvLayer &layer) {
    if (at_points_->alone) need_conv(layer, in.channels); // else the other way has said so
    const bool on_stream = layer.gather == Gather::Selected || layer.scatter;
    if (layer.kernel == 3 && on_stream) return neighbours_at_points(in, layer);
    return convolve_points(in, layer, layer.gather == Gather::Selected); // a 3x3 one is next then
}

Feature PlanBuilder::convolve_points(const Feature &in, const ConvLayer &layer, bool zero_point) {
    const PatchLists &lists = *at_points_;
    const bool in_tiles = layer.kernel == 3 && !shape().on_gpu, gathers = layer.gather == Gather::Selected;
    const bool shifted = shift() && gathers;
    const Feature out = layer.scatter ? layer.onto : compact_points(layer.label, layer.out, in, zero_point);
    const TensorId weights = constant(layer.label + ".point_weights"), bias = constant(layer.label + ".point_bias");
    KernelSpec kernel = KernelSpec(in_tiles ? "conv2d_tiles" : "conv2d_points")
                            .set("ci", in.channels)
                            .set("co", layer.out)
                            .set("kernel", layer.kernel)
                            .set("groups", layer.groups)
                            .set("activation", layer.activation);
    if (in_tiles) kernel.set("side", lists.side);
    if (!in_tiles) kernel.set("gather", gathers).set("shift", shifted).set("scatter", layer.scatter);
    Step &step = add_step(layer.label, std::move(kernel), in_tiles ? &lists.tiles : &lists.points);
    if (shifted) require_zero_frame(in.tensor, layer.label);
    Argument slots{"slots", lists.slots, Frames::All, 0, true, layer.kernel == 1};
    slots.single = true;
    step.arguments = {{"input", in.tensor, all_frames(in.tensor), layer.groups},
                      {"weights", weights},
                      {"bias", bias},
                      {"residual", out.tensor, Frames::All, layer.groups, false, !layer.scatter},
                      {"list", in_tiles ? lists.tile_list : lists.point_list, Frames::Selected},
                      slots,
                      {"output", out.tensor, Frames::All, layer.groups}};
    const int ci = in.channels / layer.groups;
    const double pixels = in_tiles ? double(lists.side) * lists.side : 1;
    step.macs = pixels * layer.out * ci * layer.kernel * layer.kernel;
    step.frames = in_tiles ? lists.tile_frames : lists.point_frames;
    pack(weights, [fold = reading_weights(layer, in.channels), co = layer.out, ci, k = layer.kernel, in_tiles,
                   g = layer.groups](const Weights &w, const KernelEntry &entry) {
        if (in_tiles) return pack_conv2d_weights(fold(w), co, ci, k, g, entry);
        return pack_conv_weights(fold(w), co, ci, k, g, knob_of(entry, "co_block"));
    });
    pack(bias,
         [fold = reading_bias(layer), co = layer.out, g = layer.groups](const Weights &w, const KernelEntry &entry) {
             return pack_conv_bias(fold(w), co, g, knob_of(entry, "co_block"));
         });
    if (layer.scatter) note_rejected(layer);
    return out;
}

// What a convolution leaves at rejected pixels is cleared, since the next one reads zeroes there. The last one then
// adds its bias alone; where skipped pixels are to get nothing, the bias is taken from them before.
Feature PlanBuilder::conv_then_mask(const Feature &in, const ConvLayer &layer) {
    ConvLayer whole = layer;
    whole.label += ".whole";
    if (layer.scatter && shape().unselected == Unselected::Skipped) {
        mask_pixels(whole.label + ".mask", layer.onto, *layer.selection, &layer);
    }
    const Feature out = conv_on_frames(in, whole);
    if (!layer.scatter) mask_pixels(whole.label + ".mask", out, *layer.selection, nullptr);
    return out;
}

void PlanBuilder::mask_pixels(const std::string &label, const Feature &at, const Selection &frames,
                              const ConvLayer *unbiased) {
    const bool stream = unbiased != nullptr;
    TensorInfo none;
    none.name = "no_offset";
    none.extents = {1};
    none.storage = Storage::Input;
    const TensorId offset = stream ? constant(label + ".offset") : network_.plan.add(none);
    const Frames part = stream ? Frames::All : Frames::Selected;
    Step &step = add_step(label, KernelSpec("mask_pixels").set("stream", stream), &frames);
    step.arguments = {{"mask", masking_->mask},
                      {"sources", frames.sources, Frames::Selected},
                      {"state", at.tensor, part, 0, false, !stream},
                      {"offset", offset, Frames::All, 0, false, !stream},
                      {"output", at.tensor, part}};
    if (!stream) return;
    pack(offset, [fold = reading_bias(*unbiased), co = unbiased->out](const Weights &w, const KernelEntry &) {
        return PackedConstant{{co}, fold(w)};
    });
}

} // namespace afnet
