// Sparse training with masks in space (docs/spatial.md): a focal branch runs forward and backward on the tiles of
// pixels that its masks select. Between the gather and the scatter of a block tensors are compact, and a tile is to
// them what a frame is to training_builder_sparse.cpp: a convolution of one pixel and BatchNorm take the kernels of
// whole frames. A 3x3 convolution reads tiles with a pixel of their neighbours around, zero where these are not
// selected; its gradient to its input is the convolution of the result's gradient, surrounded likewise, with the
// filters turned.
#include "model/tile_side.h"
#include "model/training_builder.h"

namespace afnet {

// As kernels take them, [column, row, f].
Argument TrainingBuilder::slots_of(const TileList &tiles, bool border) {
    Argument slots = {"slots", tiles.slots, Frames::All, 0, border};
    slots.single = true;
    return slots;
}

TrainingBuilder::TileList TrainingBuilder::list_tiles(const Feature &map, const PatchSelection &patches,
                                                      const Selection *frames) {
    const std::vector<int> grid = result_.plan.tensors[size_t(patches.mask)].extents;
    TileList tiles;
    tiles.patches = patches;
    if (frames) tiles.frames = *frames;
    tiles.side = tile_side(map.width, map.height, grid[0]);
    const int columns = map.width / tiles.side, rows = map.height / tiles.side, all = shape().flat_frames();
    const auto integers = [&](const char *name, std::vector<int> extents) {
        return add(patches.name + name, std::move(extents), Storage::Arena, ElementType::Int32);
    };
    tiles.list.sources = integers(".tile_sources", {3, columns * rows * all});
    tiles.places = integers(".tile_places", {2, columns * rows * all});
    tiles.slots = integers(".tile_slots", {1, columns, rows, all});
    result_.plan.tensors[size_t(tiles.slots)].border = 1;
    tiles.list.count = integers(".tile_count", {1});
    const bool framed = frames != nullptr;
    step(patches.name + ".tiles", KernelSpec("patch_tiles").set("framed", framed),
         {{"patches", patches.deciding_mask()},
          {"frames", framed ? frames->deciding_mask() : unread_mask()},
          {"sources", tiles.list.sources},
          {"places", tiles.places},
          slots_of(tiles, false),
          {"count", tiles.list.count}})
        .scalars = {{"frames_per_clip", double(shape().frames)}};
    return tiles;
}

Feature TrainingBuilder::compact_feature(const std::string &name, int channels, const TileList &tiles) {
    const int number = result_.plan.tensors[size_t(tiles.list.sources)].extents[1];
    const TensorId id = numbers(name, {channels, tiles.side, tiles.side, number});
    lists_[id] = tiles.list;
    return {id, channels, tiles.side, tiles.side};
}

// The selected tiles of `in`, shifted where the network shifts.
Feature TrainingBuilder::gathered_tiles(const std::string &label, const Feature &in, const TileList &tiles) {
    const Feature out = compact_feature(label, in.channels, tiles);
    const auto spec = [&](const char *generator) { return KernelSpec(generator).set("shift", shift()); };
    const Argument sources = {"sources", tiles.list.sources, Frames::Selected},
                   places = {"places", tiles.places, Frames::Selected};
    step(label, spec("gather_tiles"), {{"input", in.tensor}, sources, places, {"output", out.tensor}});
    record([=, gradient_spec = spec("gather_tiles_grad")]() mutable {
        if (!has_gradient(out.tensor)) return;
        const bool before = gradient_written(in.tensor);
        Step &gradient_step =
            step(label + ".gradient", gradient_spec.set("accumulate", before),
                 {{"d_output", gradient(out.tensor)}, sources, places, {"d_input", gradient(in.tensor)}});
        gradient_step.arguments.back().zeroed = !before;
    });
    return out;
}

// The tiles of a compact tensor with what surrounds them.
TensorId TrainingBuilder::surrounded_tiles(const std::string &label, TensorId in, const TileList &tiles) {
    std::vector<int> extents = result_.plan.tensors[size_t(in)].extents;
    for (int d : {1, 2})
        extents[size_t(d)] += 2;
    const TensorId out = numbers(label, std::move(extents));
    follow(out, in);
    step(label, KernelSpec("surround_tiles"),
         {{"input", in},
          {"sources", tiles.list.sources, Frames::Selected},
          {"places", tiles.places, Frames::Selected},
          slots_of(tiles, true),
          {"output", out}});
    return out;
}

// A 3x3 convolution of stride 1.
Feature TrainingBuilder::convolved_tiles(const Feature &in, const ConvLayer &layer, const TileList &tiles) {
    const int k = layer.kernel, channels = in.channels / layer.groups, outputs = layer.out / layer.groups;
    const TensorId weights =
        parameter(layer.conv + ".weight", {layer.out, channels, k, k}, {layer.out, channels, k, k}, true);
    const Feature out = compact_feature(layer.label, layer.out, tiles);
    const auto spec = [=](const char *generator, int from, int to) {
        return KernelSpec(generator)
            .set("ci", from)
            .set("co", to)
            .set("groups", layer.groups)
            .set("kernel", k)
            .set("stride", 1);
    };
    const auto read = [](TensorId tiles_and_neighbours) {
        Argument input = {"input", tiles_and_neighbours};
        input.surrounded = true;
        return input;
    };
    const TensorId around = surrounded_tiles(layer.label + ".surroundings", in.tensor, tiles);
    const double macs = double(tiles.side) * tiles.side * layer.out * channels * k * k;
    step(layer.label, spec("conv2d_forward", in.channels, layer.out),
         {read(around), {"weights", weights}, {"output", out.tensor}})
        .macs = macs;
    record([=, label = layer.label, groups = layer.groups] {
        if (!has_gradient(out.tensor)) return;
        const TensorId d_out = gradient(out.tensor);
        if (const TensorId d_weights = parameter_gradient(weights); d_weights != kNoTensor) {
            step(label + ".weights_gradient", spec("conv2d_grad_weights", in.channels, out.channels),
                 {read(around), {"d_output", d_out}, {"d_weights", d_weights}})
                .macs = macs;
        }
        const TensorId d_around = surrounded_tiles(label + ".gradient_surroundings", d_out, tiles);
        const TensorId turned = numbers(label + ".turned", {in.channels, outputs, k, k});
        step(label + ".turned_filters", KernelSpec("turned_filters").set("groups", groups),
             {{"weights", weights}, {"turned", turned}});
        gradient_written(in.tensor); // it has no other reader
        step(label + ".input_gradient", spec("conv2d_forward", out.channels, in.channels),
             {read(d_around), {"weights", turned}, {"output", gradient(in.tensor)}})
            .macs = macs;
    });
    return out;
}

// `branch` added to the selected tiles of `state`, and the activation.
Feature TrainingBuilder::scattered_tiles(const std::string &label, const Feature &branch, const Feature &state,
                                         const TileList &tiles, const std::string &activation) {
    const Feature out = feature(label, state.channels, state.width, state.height);
    for (const bool selected : {true, false}) {
        const Frames frames = selected ? Frames::Selected : Frames::Unselected;
        Step &store = step(label + (selected ? "" : ".unselected"),
                           KernelSpec("scatter_tiles").set("activation", activation).set("add_branch", selected),
                           {{"state", state.tensor},
                            selected ? Argument{"branch", branch.tensor} : unread("branch", state.tensor),
                            {"sources", tiles.list.sources, frames},
                            {"places", tiles.places, frames},
                            {"output", out.tensor}});
        store.scalars = {{"side", double(tiles.side)}};
        store.count = tiles.list.count;
        store.frames = result_.plan.tensors[size_t(tiles.list.sources)].extents[1];
    }
    record([=] {
        if (!has_gradient(out.tensor)) return;
        const TensorId d_sum = gradient_before(label, out.tensor, activation);
        gradient_written(branch.tensor);
        const TensorId worth = numbers(label + ".worth", {result_.plan.tensors[size_t(tiles.list.sources)].extents[1]});
        follow(worth, branch.tensor);
        step(label + ".gradient", KernelSpec("scatter_tiles_grad"),
             {{"d_sum", d_sum},
              {"branch", branch.tensor},
              {"sources", tiles.list.sources, Frames::Selected},
              {"places", tiles.places, Frames::Selected},
              {"d_branch", gradient(branch.tensor)},
              {"worth", worth}});
        const bool learns_frames = tiles.frames && tiles.frames->forced == kNoTensor;
        if (learns_frames || tiles.patches.forced == kNoTensor)
            tile_mask_gradient(label + ".mask_gradient", tiles, worth);
        hand_on_gradient(label, state, d_sum);
    });
    return out;
}

void TrainingBuilder::tile_mask_gradient(const std::string &label, const TileList &tiles, TensorId worth) {
    const bool framed = tiles.frames.has_value();
    const TensorId d_patches = gradient(tiles.patches.deciding_mask());
    gradient_written(tiles.patches.deciding_mask()); // one block reads it, once
    const auto emit = [&](TensorId d_frames) {
        Step &sums = step(label, KernelSpec("patch_selection_grad").set("framed", framed),
                          {{"worth", worth}, slots_of(tiles, false), {"d_patches", d_patches}, {"d_frames", d_frames}});
        // It goes over all patches, and runs where none is selected.
        sums.count = kNoTensor;
        sums.frames = shape().flat_frames();
        sums.arguments.front().frames = Frames::All;
    };
    if (framed) {
        add_part(label, tiles.frames->deciding_mask(), emit);
    } else {
        emit(gradient(unread_mask()));
    }
}

// A convolution of a focal block and its BatchNorm.
Feature TrainingBuilder::conv_of_tiles(const Feature &in, const ConvLayer &layer, const TileList &tiles) {
    const bool first = layer.gather == Gather::Selected || layer.gather == Gather::Shifted;
    const Feature read = first ? gathered_tiles(layer.label + ".gather", in, tiles) : in;
    const Feature sum =
        layer.kernel > 1 ? convolved_tiles(read, layer, tiles) : convolved(Kind::Convolution, read, layer);
    if (layer.onto.tensor == kNoTensor) return normalized(layer.label, layer.norm, sum, nullptr, layer.activation, 0);
    const Feature branch = normalized(layer.label, layer.norm, sum, nullptr, "linear", 0);
    return scattered_tiles(layer.label + ".scatter", branch, layer.onto, tiles, layer.activation);
}

} // namespace afnet
