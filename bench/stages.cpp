#include "bench/stages.h"

#include "runtime/text.h"

namespace afnet {

namespace {

bool in_head(const std::string &label) {
    return label == "gappool" || label == "consensus" || label == "conv_last" || label == "fc" ||
           starts_with(label, "fc.");
}

// In an AF-MobileNetV3 `list_gen1.0` and `att_gen1` belong to the stage whose name ends in 1: all of these are
// `features_stage<n>` in the shipped model.
std::string numbered_stage(const std::string &label) {
    for (const char *prefix : {"list_gen", "att_gen"}) {
        if (starts_with(label, prefix)) return "features_stage" + label.substr(std::string(prefix).size(), 1);
    }
    return "";
}

}  // namespace

std::string stage_of(const Step &step) {
    const std::string &label = step.label;
    if (label == "stem" || label == "conv") return "stem";
    if (starts_with(label, "all_frames")) return "lists";
    if (in_head(label)) return "head";
    const std::string numbered = numbered_stage(label);
    if (!numbered.empty()) return numbered;
    const std::string module = label.substr(0, label.find('.'));
    if (!starts_with(module, "features_")) return module;
    for (const std::string branch : {"_base", "_refine", "_fuse"}) {
        if (ends_with(module, branch)) return module.substr(0, module.size() - branch.size());
    }
    return module;
}

std::string kind_of(const Step &step) {
    const std::string &label = step.label, stage = stage_of(step);
    if (stage == "stem" || stage == "head") return stage;
    if (stage == "lists" || contains(label, "list_gen")) return "navigation";
    const std::string module = label.substr(0, label.find('.'));
    const auto part = [&](const char *resnet, const char *mobile) {
        return contains(label, resnet) || (starts_with(module, "features_") && ends_with(module, mobile));
    };
    if (part(".refine_module.", "_refine")) {
        const std::string &generator = step.kernel.generator;
        if (generator == "fill_unselected" || generator == "settle_patches" || generator == "mask_pixels") return "unselected";
        if (generator == "tile_list" || generator == "patch_choice" || generator == "owe_patches") return "patch lists";
        return contains(label, ".downsample.") || contains(label, ".res_connect") ? "focal shortcut" : "focal";
    }
    if (part(".base_module.", "_base") || contains(label, ".base_transform")) return "ample";
    if (contains(label, "att_gen") || ends_with(label, ".fuse")) return "fusion";
    if (part(".fusion.", "_fuse")) return "fusion block";
    return "plain";
}

bool counts_as_convolution(const Step &step) {
    const std::string &generator = step.kernel.generator;
    return step.macs > 0 && generator != "linear" && generator != "navigation" && stage_of(step) != "stem";
}

}  // namespace afnet
