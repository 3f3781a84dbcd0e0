#include "tests/reference/network.h"

#include <algorithm>
#include <numeric>

#include "tests/reference/af_mobilenetv3.h"
#include "tests/reference/af_resnet.h"
#include "tests/reference/execution.h"
#include "tests/reference/resnet.h"

namespace afnet::reference {

namespace {

/// Noise and forced masks are given for every navigation or for none, `per_frame` numbers each.
template <typename Number>
bool covers_all_navigations(const std::vector<std::vector<Number>> &lists, const NetworkConfig &config, int per_frame) {
    if (lists.empty()) return true;
    for (const std::vector<Number> &list : lists)
        if (list.size() != static_cast<size_t>(per_frame) * config.batch * config.frames) return false;
    return lists.size() == static_cast<size_t>(navigation_count(config));
}

void check(const NetworkConfig &config, const Tensor4 &input) {
    require(config.architecture == Architecture::AfMobileNetV3 || config.depths.size() == 4, "ResNet: four stages");
    if (config.architecture == Architecture::AfResNet)
        require(*std::min_element(config.depths.begin(), config.depths.begin() + 3) >= 2,
                "AF-ResNet: at least two blocks in each of the first three stages, one of them the fusion");
    require(config.stage_channels(0) % 16 == 0, "ResNet: a base width of 4, or 16 with basic blocks (att_gen's hidden "
                                                "channels are a sixteenth of a stage's)");
    require(input.c == 3 && input.x == config.width && input.y == config.height, "input: [3, width, height, f]");
    require(input.f == config.frames * config.batch, "input: frames x batch");
    require(covers_all_navigations(config.forced_masks, config, 1), "forced_masks: [navigations][frames x batch]");
    require(covers_all_navigations(config.gumbel_uniforms, config, 2),
            "gumbel_uniforms: [navigations][frames x batch x 2]");
}

} // namespace

int mask_count(const NetworkConfig &config) {
    switch (config.architecture) {
    case Architecture::ResNet:
        return 0;
    case Architecture::AfResNet:
        return std::accumulate(config.depths.begin(), config.depths.begin() + 3, -3);
    case Architecture::AfMobileNetV3:
        return kAfMobileNetV3Masks;
    }
    return 0;
}

int navigation_count(const NetworkConfig &config) {
    return config.shared_mask ? std::min(mask_count(config), 1) : mask_count(config);
}

Outputs run_network(const NetworkConfig &config, const ParameterLookup &parameter, const Tensor4 &input) {
    check(config, input);
    Execution run(config, parameter);
    switch (config.architecture) {
    case Architecture::ResNet:
        run_resnet(run, input);
        break;
    case Architecture::AfResNet:
        run_af_resnet(run, input);
        break;
    case Architecture::AfMobileNetV3:
        run_af_mobilenetv3(run, input);
        break;
    }
    return run.take_outputs();
}

Tensor4 frames_from_video(const std::vector<float> &video, int channels, int width, int height, int frames) {
    Tensor4 output(channels, width, height, frames);
    require(video.size() == output.data.size(), "frames_from_video: frames x channels x height x width numbers");
    auto next = video.begin();
    for (int f = 0; f < frames; f++)
        for (int c = 0; c < channels; c++)
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++)
                    output.at(c, x, y, f) = *next++;
    return output;
}

} // namespace afnet::reference
