#include "tests/model/network_run.h"

#include <algorithm>

#include "model/recipe.h"
#include "runtime/file_io.h"
#include "tests/frame_memory.h"
#include "tests/kernel_targets.h"
#include "tests/reference/golden_case.h"
#include "tests/reference/operators.h"

namespace afnet {

namespace {

reference::NetworkConfig config_of(const NetworkRun &run) {
    reference::NetworkConfig config;
    const ModelDescription &d = run.description;
    config.architecture = d.family == Family::ResNet     ? reference::Architecture::ResNet
                          : d.family == Family::AfResNet ? reference::Architecture::AfResNet
                                                         : reference::Architecture::AfMobileNetV3;
    config.depths = d.depths;
    config.basic_blocks = d.block == Block::Basic;
    config.base_width = d.width;
    config.tail_channels = d.tail_channels;
    config.shift = d.shift;
    config.classes = d.classes;
    config.frames = run.shape.frames;
    config.batch = run.shape.clips;
    config.width = run.shape.width;
    config.height = run.shape.height;
    config.soft = d.soft();
    config.addition = d.fusion == Fusion::Addition;
    config.focal_only = d.branches == Branches::Focal;
    config.shared_mask = d.shares_temporal_mask();
    config.unselected = run.shape.unselected == Unselected::Skipped ? reference::Unselected::Skipped
                                                                    : reference::Unselected::Masked;
    return config;
}

// Where its kernels are.
std::string kernels_of(const ModelDescription &description) {
    return description.name.rfind("small", 0) == 0 ? AFNET_TEST_KERNELS : AFNET_KERNEL_DIR;
}

KernelStore &store_of(const Target &target, const std::string &folder) {
    static std::map<std::string, std::unique_ptr<KernelStore>> stores;
    auto &store = stores[target.name + " " + folder];
    if (!store) store = open_kernels(folder, target);
    return *store;
}

// Every 16th channel of the top left 3x3 pixels, [f, c / 16, y, x] outermost first (tests/golden/README.md).
reference::NamedTensor corner_of(const Tensor4 &map) {
    const int width = std::min(3, map.x), height = std::min(3, map.y), channels = (map.c + 15) / 16;
    reference::NamedTensor corner{{map.f, channels, height, width}, {}};
    for (int f = 0; f < map.f; f++) {
        for (int c = 0; c < map.c; c += 16) {
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) corner.data.push_back(map.at(c, x, y, f));
            }
        }
    }
    return corner;
}

// Elements of a tensor without border, its extents outermost first.
template <class Element>
reference::NamedTensor tensor_of(Network &network, TensorId id) {
    const TensorInfo &info = network.lowered().plan.tensors[size_t(id)];
    reference::NamedTensor tensor{{info.extents.rbegin(), info.extents.rend()}, {}};
    size_t count = 1;
    for (int extent : info.extents) count *= size_t(extent);
    const Element *elements = static_cast<const Element *>(network.executor().memory(id).data);
    tensor.data.assign(elements, elements + count);
    return tensor;
}

void gather_tap(Network &network, const Tap &tap, reference::Outputs &outputs) {
    const TensorInfo &info = network.executor().plan().tensors[size_t(tap.tensor)];
    if (info.extents.size() == 2) {
        outputs["mean." + tap.name] = tensor_of<float>(network, tap.tensor);
        return;
    }
    const Tensor4 map = read_frames(info, network.executor().memory(tap.tensor).data);
    outputs["mean." + tap.name] = {{map.f, map.c}, reference::global_mean(map).data};
    outputs["corner." + tap.name] = corner_of(map);
}

void gather_gates(Network &network, reference::Outputs &outputs) {
    if (network.lowered().selections.empty()) return;
    const LoweredNetwork &lowered = network.lowered();
    const int64_t frames = network.shape().flat_frames(), blocks = int64_t(lowered.blocks.size());
    reference::NamedTensor masks{{blocks, frames}, {}}, margins = masks;
    for (const MaskedBlock &block : lowered.blocks) {
        const Selection &selection = lowered.selections[size_t(block.selection)];
        const std::vector<double> mask = selection.soft ? tensor_of<float>(network, selection.mask).data
                                                        : tensor_of<int>(network, selection.deciding_mask()).data;
        masks.data.insert(masks.data.end(), mask.begin(), mask.end());
        const std::vector<double> logits = tensor_of<float>(network, selection.logits).data;
        for (size_t f = 0; f < size_t(frames); f++) margins.data.push_back(logits[2 * f + 1] - logits[2 * f]);
    }
    outputs["masks"] = std::move(masks);
    outputs["gate_margin"] = std::move(margins);
}

// A fixture.
ModelDescription described(const std::string &name) {
    const std::string path = std::string(AFNET_FIXTURES) + "/models/" + name + ".json";
    return parse_description(read_file(path), path);
}

}  // namespace

size_t NetworkRun::blocks() const {
    return size_t(reference::mask_count(config_of(*this)));
}

size_t NetworkRun::navigations() const {
    return size_t(reference::navigation_count(config_of(*this)));
}

std::vector<std::vector<int>> NetworkRun::forced() const {
    if (masks == Masks::Navigation || masks == Masks::Noisy) return {};
    std::vector<std::vector<int>> result(navigations());
    for (size_t k = 0; k < result.size(); k++) {
        for (int f = 0; f < shape.flat_frames(); f++) {
            const double u = recipe_uniform(fnv1a64("forced." + std::to_string(k)), seed, uint64_t(f));
            result[k].push_back(masks == Masks::All || (masks == Masks::Random && u < 0.5) ? 1 : 0);
        }
    }
    return result;
}

std::vector<std::vector<int>> NetworkRun::forced_patches() const {
    std::vector<std::vector<int>> result;
    for (size_t k = 0; shape.forced_grid > 0 && k < blocks(); k++)
        result.push_back(patch_mask(patches, shape.forced_grid, shape.flat_frames(), rs, {seed}, k));
    return result;
}

std::string NetworkRun::text() const {
    const char *names[] = {"navigation's", "noisy", "no", "all", "random"};
    const std::string changes = ablation_text(description);
    return description.name + (changes.empty() ? "" : " (" + changes + ")") + " on " + std::to_string(shape.clips) +
           " clips of " + std::to_string(shape.frames) + " frames of " + std::to_string(shape.width) + "x" +
           std::to_string(shape.height) + ", " + names[int(masks)] + " masks, " +
           (shape.forced_grid > 0 ? patch_shape_names()[size_t(patches)] + " patches, " + std::to_string(rs) +
                                        " of a grid of " + std::to_string(shape.forced_grid) + ", "
                                  : "") +
           (shape.unselected == Unselected::Masked ? "masked" : "skipped") + ", " + dtype_name(shape.dtype);
}

ModelDescription small_af_resnet(bool shift) {
    return described(shift ? "small_af_resnet_tsm" : "small_af_resnet");
}

NetworkRun small_run(bool shift, Masks masks, Unselected unselected) {
    NetworkRun run;
    run.description = small_af_resnet(shift);
    run.shape.frames = 4;
    run.shape.clips = 2;
    run.shape.width = 40;
    run.shape.height = 33;
    run.shape.unselected = unselected;
    run.masks = masks;
    run.shape.forced_masks = !run.forced().empty();
    return run;
}

ModelDescription small_soft_af_resnet() {
    return described("small_soft_af_resnet_tsm");
}

ModelDescription small_basic_af_resnet(bool shift) {
    return described(shift ? "small_basic_af_resnet_tsm" : "small_basic_af_resnet");
}

reference::Outputs expected_outputs(const NetworkRun &run) {
    reference::NetworkConfig config = config_of(run);
    for (const std::vector<int> &mask : run.forced()) config.forced_masks.emplace_back(mask.begin(), mask.end());
    const int grid = run.shape.forced_grid;
    for (const std::vector<int> &patches : run.forced_patches())
        config.forced_patches.push_back({grid, grid, run.shape.flat_frames(), patches});
    for (int k = 0; run.masks == Masks::Noisy && k < int(run.navigations()); k++) {
        config.gumbel_uniforms.push_back(recipe_gumbel_uniform(k, size_t(2 * run.shape.flat_frames()), run.seed));
    }
    return run_network(config, reference::recipe_lookup(run.seed, 1), reference::recipe_input(config, run.seed));
}

std::vector<Target> targets_for(const NetworkRun &run) {
    std::vector<Target> targets = executable_targets(run.shape.dtype);
    const std::string folder = kernels_of(run.description);
    targets.erase(std::remove_if(targets.begin(), targets.end(),
                                 [&](const Target &target) { return !has_libraries(folder, target); }),
                  targets.end());
    return targets;
}

std::unique_ptr<Network> open_network(const NetworkRun &run, const Target &target) {
    RunShape shape = run.shape;
    shape.forced_masks = !run.forced().empty();
    shape.gumbel_noise = run.masks == Masks::Noisy;
    auto network = std::make_unique<Network>(run.description, shape, store_of(target, kernels_of(run.description)),
                                             recipe_weights(run.seed));
    const Tensor4 clips = reference::recipe_input(config_of(run), run.seed);
    for (int f = 0; f < clips.f; f++) {
        const std::vector<float> frame(clips.pixel(0, 0, f), clips.pixel(0, 0, f) + 3 * clips.x * clips.y);
        network->set_frame(f, frame.data());
    }
    const auto forced = shape.without_masks ? std::vector<std::vector<int>>{} : run.forced();
    for (size_t k = 0; k < forced.size(); k++) network->force_mask(k, forced[k]);
    const auto patches = run.forced_patches();
    for (size_t k = 0; k < patches.size(); k++) network->force_patches(k, patches[k]);
    if (shape.gumbel_noise) network->draw_gumbel(run.seed);
    return network;
}

reference::Outputs outputs_of(Network &network) {
    reference::Outputs outputs;
    network.run([&](const StepReport &report) {
        for (const Tap &tap : network.lowered().plan.taps) {
            if (tap.step == report.index) gather_tap(network, tap, outputs);
        }
    });
    outputs["logits"] = tensor_of<float>(network, network.lowered().logits);
    outputs["clip_logits"] = tensor_of<float>(network, network.lowered().clip_logits);
    gather_gates(network, outputs);
    return outputs;
}

}  // namespace afnet
