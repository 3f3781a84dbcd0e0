#include "model/verify.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "model/network.h"
#include "model/reference_case.h"
#include "model/training_network.h"
#include "runtime/error.h"
#include "runtime/safetensors.h"

namespace afnet {

namespace {

// tests/golden/README.md
constexpr Tolerances kF32 = {2e-5, 2e-5, 1e-4};
// A stored element is off by up to 2^-8, and each layer adds its own roundings. Seen: at most 4.8e-2 in a tensor (a
// gate's sigmoid, behind 100 layers), 8.6e-3 in margins (docs/bf16.md).
constexpr double kBF16Tensor = 6e-2, kBF16Margin = 2e-2;

template <class Element>
std::vector<double> elements(Network &network, TensorId id) {
    const auto memory = network.executor().memory(id);
    const auto &extents = network.lowered().plan.tensors[size_t(id)].extents;
    size_t count = 1;
    for (int e : extents) count *= size_t(e);
    const Element *data = static_cast<const Element *>(memory.data);
    return std::vector<double>(data, data + count);
}

void put_results(Network &network, CaseValues &ours, bool forced) {
    std::vector<double> masks, margins;
    for (const Selection &s : network.lowered().selections) {
        const auto mask = elements<int>(network, forced ? s.forced : s.mask);
        const auto logits = elements<float>(network, s.logits);
        masks.insert(masks.end(), mask.begin(), mask.end());
        for (size_t f = 0; f < mask.size(); f++) margins.push_back(logits[2 * f + 1] - logits[2 * f]);
    }
    ours.put("masks", std::move(masks));
    ours.put("gate_margin", std::move(margins));
    ours.put("logits", elements<float>(network, network.lowered().logits));
    ours.put("clip_logits", elements<float>(network, network.lowered().clip_logits));
}

// Whether factors are rounded to bfloat16 or so, by kernels of that type or by a vendor's.
bool rounds(Dtype dtype, const KernelStore &kernels) {
    const VendorPolicy &vendor = kernels.vendor_policy();
    return dtype != Dtype::F32 || (kernels.target().gpu == GpuInterface::Cuda &&
                                   vendor.use == VendorPolicy::Use::Everywhere &&
                                   vendor.rounding != VendorRounding::F32);
}

Tolerances tolerances_of(bool rounded, const std::vector<double> &margins) {
    if (!rounded) return kF32;
    return {kBF16Tensor, kBF16Margin, kBF16Margin * largest_of(margins)};
}

// How many clips get another class than they should, but for those whose two best ones are too close to call.
TensorDifference compare_classes(const SafetensorsTensor &theirs, const std::vector<double> &ours, size_t clips,
                                 const Tolerances &tolerances) {
    TensorDifference result;
    result.name = "top-1";
    const std::vector<double> expected = to_doubles(theirs);
    const size_t classes = expected.size() / clips;
    const double undecided = 2 * tolerances.tensor * largest_of(expected);
    size_t agreeing = 0, wrong = 0;
    for (size_t clip = 0; clip < clips; clip++) {
        const auto best = [&](const std::vector<double> &logits) {
            const auto begin = logits.begin() + long(clip * classes);
            return size_t(std::max_element(begin, begin + long(classes)) - logits.begin());
        };
        const size_t wanted = best(expected), given = best(ours);
        agreeing += wanted == given;
        wrong += wanted != given && expected[wanted] - expected[given] > undecided;
    }
    result.largest_absolute = double(clips - agreeing);
    result.largest_relative = result.largest_absolute / double(clips);
    result.passed = wrong == 0;
    result.remark = std::to_string(agreeing) + " of " + std::to_string(clips) + " clips agree";
    return result;
}

// [block][f]; none where the navigation decides.
using Masks = std::vector<std::vector<int>>;

Masks masks_of(const SafetensorsFile &file, int frames) {
    Masks masks;
    if (const SafetensorsTensor *tensor = file.find("masks")) {
        const std::vector<double> all = to_doubles(*tensor);
        for (size_t at = 0; at + size_t(frames) <= all.size(); at += size_t(frames)) {
            masks.emplace_back(all.begin() + long(at), all.begin() + long(at) + frames);
        }
    }
    return masks;
}

// Gives a case's network its clips and masks.
void prepare(Network &network, const ReferenceCase &c, const Masks &masks, const std::string &path) {
    network.fill_recipe_video(c.seed);
    if (!masks.empty() && masks.size() != network.lowered().selections.size()) {
        throw Error(path + ": holds masks of " + std::to_string(masks.size()) + " blocks; " +
                    std::to_string(network.lowered().selections.size()) + " expected");
    }
    for (size_t block = 0; block < network.lowered().selections.size() && c.shape.forced_masks; block++) {
        network.force_mask(block, masks.empty() ? c.forced_mask : masks[block]);
    }
}

void put_modules(Network &network, CaseValues &ours) {
    network.run([&](const StepReport &report) {
        for (const Tap &tap : network.lowered().plan.taps) {
            if (tap.step != report.index) continue;
            const std::vector<float> numbers = network.executor().numbers(tap.tensor);
            ours.take_module(tap.name, network.executor().plan().tensors[size_t(tap.tensor)],
                             std::vector<double>(numbers.begin(), numbers.end()));
        }
    });
}

}  // namespace

bool CaseReport::passed() const {
    return !tensors.empty() &&
           std::all_of(tensors.begin(), tensors.end(), [](const TensorDifference &t) { return t.passed; });
}

bool is_training_case(const std::string &path) {
    const SafetensorsFile file(path);
    return parse_case(file, path).train;
}

std::vector<KernelSpec> case_kernels(const std::string &path, Dtype dtype) {
    const SafetensorsFile file(path);
    const ReferenceCase c = parse_case(file, path);
    if (c.train) return training_kernel_specs(c.description, dtype);
    RunShape shape = c.shape, tapped = c.shape;
    shape.dtype = tapped.dtype = dtype;
    tapped.taps = true;
    return gpu_kernels_of(c.description, {shape, tapped});
}

CaseReport verify_case(const std::string &path, KernelStore &kernels, Dtype dtype) {
    const SafetensorsFile file(path);
    ReferenceCase c = parse_case(file, path);
    c.shape.dtype = dtype;
    if (c.train) {
        CaseReport report = verify_training(file, c, kernels);
        report.path = path;
        return report;
    }
    if (dtype == Dtype::F64) throw Error(path + ": an evaluation case; f64 is for training cases");
    // With rounded factors a gate may fall the other way, after which nothing could be compared: blocks are given the
    // case's masks, and the navigation's decisions are compared with them.
    const bool forced = c.shape.forced_masks, rounded = rounds(dtype, kernels);
    const Masks masks = !rounded || forced ? Masks() : masks_of(file, c.shape.flat_frames());
    c.shape.forced_masks = forced || !masks.empty();
    CaseValues ours;
    const Weights weights = recipe_weights(c.seed, c.gain);
    {
        RunShape shape = c.shape;
        shape.taps = true;
        Network tapped(c.description, shape, kernels, weights);
        prepare(tapped, c, masks, path);
        put_modules(tapped, ours);
    }
    // Results are those of the network that users run.
    Network network(c.description, c.shape, kernels, weights);
    prepare(network, c, masks, path);
    const auto begin = std::chrono::steady_clock::now();
    network.run();
    const auto end = std::chrono::steady_clock::now();
    put_results(network, ours, forced);

    CaseReport report;
    report.path = path;
    report.model = c.description.name;
    report.milliseconds = std::chrono::duration<double, std::milli>(end - begin).count();
    report.arena_bytes = network.executor().arena_bytes();
    const SafetensorsTensor *margin = file.find("gate_margin");
    const std::vector<double> margins = margin ? to_doubles(*margin) : std::vector<double>();
    const Tolerances tolerances = tolerances_of(rounded, margins);
    for (const SafetensorsTensor &theirs : file.tensors()) {
        report.tensors.push_back(compare(theirs, ours.find(theirs.name), margins, tolerances));
        const TensorDifference &row = report.tensors.back();
        if (rounded && row.name == "clip_logits" && row.largest_relative > 0) {
            report.tensors.push_back(
                compare_classes(theirs, *ours.find(theirs.name), size_t(c.shape.clips), tolerances));
        }
    }
    return report;
}

}  // namespace afnet
