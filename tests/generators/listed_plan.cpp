#include "tests/generators/listed_plan.h"

#include <algorithm>

#include "model/recipe.h"

namespace afnet {

std::vector<int> selected_frames(const std::vector<int> &mask) {
    std::vector<int> frames;
    for (size_t f = 0; f < mask.size(); f++) {
        if (mask[f] != 0) frames.push_back(int(f));
    }
    return frames;
}

std::vector<int> source_list(const std::vector<int> &mask, int clip_frames) {
    const int frames = int(mask.size());
    std::vector<int> order = selected_frames(mask), list;
    for (int f = 0; f < frames; f++) {
        if (mask[size_t(f)] == 0) order.push_back(f);
    }
    for (int f : order) {
        const bool first = f % clip_frames == 0, last = f % clip_frames == clip_frames - 1;
        list.insert(list.end(), {f, last ? frames : f + 1, first ? frames : f - 1});
    }
    return list;
}

std::vector<std::vector<int>> awkward_masks(int clip_frames, int clips) {
    const size_t frames = size_t(clip_frames) * size_t(clips);
    const std::vector<int> none(frames, 0), all(frames, 1);
    std::vector<std::vector<int>> masks = {none, all, all, none, none};
    masks[2][0] = 0;
    for (size_t f = 0; f < frames; f++) {
        masks[3][f] = int(f % 2);
        masks[4][f] = recipe_uniform(fnv1a64("mask"), 3, f) < 0.5 ? 1 : 0;
    }
    for (int clip = 0; clip < clips; clip++) {
        for (int t : {0, clip_frames - 1}) {
            masks.push_back(none);
            masks.back()[size_t(clip * clip_frames + t)] = 1;
        }
    }
    return masks;
}

ListedPlan::ListedPlan(bool shift, const RunShape &shape) : builder_(shift, shape) {
    const auto integers = [&](const char *name, std::vector<int> extents) {
        TensorInfo tensor;
        tensor.name = name;
        tensor.type = ElementType::Int32;
        tensor.extents = std::move(extents);
        tensor.storage = Storage::Input;
        return builder_.network().plan.add(tensor);
    };
    selection_.name = "list";
    selection_.sources = integers("sources", {3, shape.flat_frames()});
    selection_.count = integers("count", {1});
}

Feature ListedPlan::input(const std::string &name, int channels, int border, bool shiftable) {
    const RunShape &shape = builder_.shape();
    const Feature feature = builder_.feature(name, channels, shape.width, shape.height, border, shiftable);
    builder_.network().plan.tensors[size_t(feature.tensor)].storage = Storage::Input;
    return feature;
}

void ListedPlan::keep(const Feature &feature) {
    builder_.network().plan.tensors[size_t(feature.tensor)].storage = Storage::Kept;
}

void ListedPlan::open(KernelStore &kernels, const std::string &library, const Weights &weights) {
    LoweredNetwork &network = builder_.network();
    executor_ = std::make_unique<Executor>(network.plan, kernels, library);
    if (network.ones != kNoTensor) {
        const int frames = builder_.shape().flat_frames();
        executor_->set_constant(network.ones, {frames}, std::vector<int>(size_t(frames), 1));
    }
    for (const ConstantRecipe &recipe : network.constants) {
        const PackedConstant packed = recipe.make(weights, *executor_->kernel(recipe.step).entry);
        executor_->set_constant(recipe.tensor, packed.extents, packed.elements);
    }
}

void ListedPlan::select(const std::vector<int> &mask) {
    const std::vector<int> list = source_list(mask, builder_.shape().frames);
    std::copy(list.begin(), list.end(), static_cast<int *>(executor_->memory(selection_.sources).data));
    *static_cast<int *>(executor_->memory(selection_.count).data) = int(selected_frames(mask).size());
}

void ListedPlan::write(const Feature &feature, const Tensor4 &values) {
    write_frames(info(feature.tensor), executor_->memory(feature.tensor).data, values);
}

Tensor4 ListedPlan::read(const Feature &feature) {
    return read_frames(info(feature.tensor), executor_->memory(feature.tensor).data);
}

}  // namespace afnet
