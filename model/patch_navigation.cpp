#include "model/patch_navigation.h"

#include "runtime/text.h"

namespace afnet {

std::string patch_navigation_key(const std::string &block) {
    return block + ".spatial_navigation";
}

std::vector<ParameterInfo> patch_navigation_parameters(const std::string &block, int channels) {
    const std::string key = patch_navigation_key(block);
    std::vector<ParameterInfo> parameters = {{key + ".conv1.weight", {kPatchHidden, channels, 3, 3}}};
    for (const char *name : {".weight", ".bias", ".running_mean", ".running_var"})
        parameters.push_back({key + ".bn1" + name, {kPatchHidden}});
    parameters.push_back({key + ".conv2.weight", {kPatchLogits, kPatchHidden, 1, 1}});
    parameters.push_back({key + ".conv2.bias", {kPatchLogits}});
    return parameters;
}

bool is_navigation(const std::string &key) {
    return contains(key, "list_gen") || is_patch_navigation(key);
}

bool is_patch_navigation(const std::string &key) {
    return contains(key, ".spatial_navigation.");
}

} // namespace afnet
