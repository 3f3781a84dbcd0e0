// Focal blocks of two 3x3 convolutions with masks in space (docs/spatial.md): both read compact tensors, whose pixels
// lead to their neighbours, so the stream's listed pixels are copied to one before, and added to from one behind.
#include "model/plan_builder.h"

namespace afnet {

Feature PlanBuilder::neighbours_at_points(const Feature &in, const ConvLayer &layer) {
    ConvLayer compact = layer;
    compact.gather = Gather::Compact;
    compact.scatter = false;
    if (!layer.scatter) return convolve_points(gather_points(in, layer.label + ".gather"), compact, true);
    compact.activation = "linear";
    scatter_points(convolve_points(in, compact, false), layer);
    note_rejected(layer);
    return layer.onto;
}

Feature PlanBuilder::gather_points(const Feature &in, const std::string &label) {
    const Feature out = compact_points(label, in.channels, in, true);
    Step &step = add_step(label, KernelSpec("gather_points").set("shift", shift()), &at_points_->points);
    if (shift()) require_zero_frame(in.tensor, label);
    step.arguments = {{"input", in.tensor, all_frames(in.tensor)},
                      {"list", at_points_->point_list, Frames::Selected},
                      {"output", out.tensor}};
    step.frames = at_points_->point_frames;
    return out;
}

void PlanBuilder::scatter_points(const Feature &branch, const ConvLayer &layer) {
    KernelSpec kernel = KernelSpec("scatter_points").set("activation", layer.activation);
    Step &step = add_step(layer.label + ".scatter", std::move(kernel), &at_points_->points);
    step.arguments = {{"state", layer.onto.tensor},
                      {"branch", branch.tensor},
                      {"list", at_points_->point_list, Frames::Selected},
                      {"output", layer.onto.tensor}};
    step.frames = at_points_->point_frames;
}

} // namespace afnet
