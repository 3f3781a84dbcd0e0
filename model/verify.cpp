#include "model/verify.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "model/network.h"
#include "runtime/error.h"
#include "runtime/safetensors.h"

namespace afnet {

namespace {

using Json = nlohmann::json;

// Of a tensor's largest magnitude.
struct Tolerances {
    double tensor, gate_margin;
    double undecided; // gates whose margin is within this may fall either way
};

// tests/golden/README.md
constexpr Tolerances kF32 = {2e-5, 2e-5, 1e-4};
// A stored element is off by up to 2^-8, and each layer adds its own roundings. Seen: at most 4.8e-2 in a tensor (a
// gate's sigmoid, behind 100 layers), 8.6e-3 in margins (docs/bf16.md).
constexpr double kBF16Tensor = 6e-2, kBF16Margin = 2e-2;

struct Case {
    ModelDescription description;
    RunShape shape;
    uint64_t seed = 0;
    double gain = 1;
    std::vector<int> forced_mask;  // [f], of every focal block; empty: the network decides
};

std::string model_name(const std::string &arch, bool shift) {
    const std::map<std::string, std::string> names = {
        {"resnet50", "af_resnet50"}, {"resnet101", "af_resnet101"}, {"mobilenetv3", "af_mobilenetv3"}};
    const auto found = names.find(arch);
    return (found == names.end() ? arch : found->second) + (shift ? "_tsm" : "");
}

// The mask that every focal block is given instead of its own decision, where the case names one.
void parse_forced_mask(const Json &json, const std::string &path, Case &result) {
    if (!json.contains("forced_mask")) return;
    result.forced_mask = json.at("forced_mask").get<std::vector<int>>();
    const size_t frames = size_t(result.shape.flat_frames());
    const bool binary = std::all_of(result.forced_mask.begin(), result.forced_mask.end(),
                                    [](int selected) { return selected == 0 || selected == 1; });
    if (result.forced_mask.size() != frames || !binary) {
        throw Error(path + ": `forced_mask` must be " + std::to_string(frames) + " numbers that are 0 or 1");
    }
    if (!result.description.adaptive()) {
        throw Error(path + ": `forced_mask` is given, but " + result.description.name + " selects no frames");
    }
    result.shape.forced_masks = true;
}

Case parse_case(const SafetensorsFile &file, const std::string &path) {
    const auto text = file.metadata().find("case");
    if (text == file.metadata().end()) {
        throw Error(path + ": holds no `case` in its metadata; a reference-vector file is expected");
    }
    Case result;
    try {
        const Json json = Json::parse(text->second);
        if (json.value("train", false)) {
            throw Error(path + ": a training case; verify runs evaluation cases only");
        }
        result.description = shipped_model(json.contains("model") ? json.at("model").get<std::string>()
                                                                   : model_name(json.at("arch"), json.at("shift")));
        result.description.frames = result.shape.frames = json.at("frames");
        result.description.classes = json.at("classes");
        result.shape.clips = json.at("batch");
        const Json &size = json.at("size");  // a number for squares, else [height, width]
        result.shape.height = size.is_array() ? size.at(0) : size;
        result.shape.width = size.is_array() ? size.at(1) : size;
        result.seed = json.at("seed");
        result.gain = json.value("gain", 1.0);
        const std::string unselected = json.value("unselected", "masked");
        if (unselected != "masked" && unselected != "skipped") {
            throw Error(path + ": `unselected` is " + unselected + "; masked or skipped expected");
        }
        result.shape.unselected = unselected == "skipped" ? Unselected::Skipped : Unselected::Masked;
        parse_forced_mask(json, path, result);
    } catch (const Json::exception &error) {
        throw Error(path + ": its case cannot be read: " + error.what());
    } catch (const UsageError &error) {
        throw Error(path + ": " + error.what());
    }
    if (result.description.classes < 1) throw Error(path + ": a positive number of classes expected");
    return result;
}

// What a golden file says of a module's output: spatial means, and every 16th channel of the top left pixels.
class ModuleSummaries {
public:
    explicit ModuleSummaries(Network &network) : network_(network) {}

    void take(const Tap &tap) {
        const TensorInfo &tensor = network_.lowered().plan.tensors[size_t(tap.tensor)];
        const std::vector<float> numbers = network_.executor().numbers(tap.tensor);
        const float *data = numbers.data();
        if (tensor.extents.size() == 2) {
            values_["mean." + tap.name].assign(data, data + size_t(tensor.extents[0]) * size_t(tensor.extents[1]));
            return;
        }
        const std::vector<int> stored = stored_extents(tensor);
        const int channels = tensor.extents[0], width = tensor.extents[1], height = tensor.extents[2];
        const auto at = [&](int x, int y, int f) {
            return data + ((size_t(f) * size_t(stored[2]) + size_t(y + tensor.border)) * size_t(stored[1]) +
                           size_t(x + tensor.border)) * size_t(channels);
        };
        std::vector<double> &mean = values_["mean." + tap.name], &corner = values_["corner." + tap.name];
        mean.clear();
        corner.clear();
        for (int f = 0; f < tensor.extents[3]; f++) {
            std::vector<double> sum(size_t(channels), 0.0);
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    const float *pixel = at(x, y, f);
                    for (size_t c = 0; c < size_t(channels); c++) sum[c] += pixel[c];
                }
            }
            for (double s : sum) mean.push_back(s / (double(width) * height));
            for (int c = 0; c < channels; c += 16) {
                for (int y = 0; y < std::min(3, height); y++) {
                    for (int x = 0; x < std::min(3, width); x++) corner.push_back(at(x, y, f)[c]);
                }
            }
        }
    }
    void put(const std::string &name, std::vector<double> values) { values_[name] = std::move(values); }
    const std::vector<double> *find(const std::string &name) const {
        const auto found = values_.find(name);
        return found == values_.end() ? nullptr : &found->second;
    }

private:
    Network &network_;
    std::map<std::string, std::vector<double>> values_;
};

template <class Element>
std::vector<double> elements(Network &network, TensorId id) {
    const auto memory = network.executor().memory(id);
    const auto &extents = network.lowered().plan.tensors[size_t(id)].extents;
    size_t count = 1;
    for (int e : extents) count *= size_t(e);
    const Element *data = static_cast<const Element *>(memory.data);
    return std::vector<double>(data, data + count);
}

void put_results(Network &network, ModuleSummaries &ours, bool forced) {
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

double largest_of(const std::vector<double> &values) {
    double largest = 0;
    for (double v : values)
        largest = std::max(largest, std::abs(v));
    return largest;
}

Tolerances tolerances_of(Dtype dtype, const std::vector<double> &margins) {
    if (dtype == Dtype::F32) return kF32;
    return {kBF16Tensor, kBF16Margin, kBF16Margin * largest_of(margins)};
}

TensorDifference compare(const SafetensorsTensor &theirs, const std::vector<double> *ours,
                         const std::vector<double> &margins, const Tolerances &tolerances) {
    TensorDifference result;
    result.name = theirs.name;
    result.tolerance = theirs.name == "gate_margin" ? tolerances.gate_margin : tolerances.tensor;
    const std::vector<double> expected = to_doubles(theirs);
    if (!ours || ours->size() != expected.size()) {
        result.remark = ours ? "has " + std::to_string(ours->size()) + " elements; " +
                                   std::to_string(expected.size()) + " expected"
                             : "this network has no such tensor";
        return result;
    }
    const bool masks = theirs.name == "masks";
    if (masks) result.tolerance = 0;
    double largest = 0;
    int undecided = 0, flipped = 0;
    bool finite = true;
    for (size_t i = 0; i < expected.size(); i++) {
        if (masks && i < margins.size() && std::abs(margins[i]) <= tolerances.undecided) {
            undecided++;
            flipped += (*ours)[i] != expected[i];
            continue;
        }
        finite = finite && std::isfinite((*ours)[i]);
        largest = std::max(largest, std::abs(expected[i]));
        result.largest_absolute = std::max(result.largest_absolute, std::abs((*ours)[i] - expected[i]));
    }
    result.largest_relative = result.largest_absolute / (largest > 0 ? largest : 1);
    result.passed = finite && result.largest_relative <= result.tolerance;
    if (!finite) result.remark = "holds values that are not finite";
    if (undecided > 0) result.remark = std::to_string(undecided) + " gates too close to call";
    if (flipped > 0) result.remark += ", " + std::to_string(flipped) + " of them fell the other way";
    return result;
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

// Of a case, [block][f].
std::vector<std::vector<int>> masks_of(const SafetensorsFile &file, int frames) {
    std::vector<std::vector<int>> masks;
    if (const SafetensorsTensor *tensor = file.find("masks")) {
        const std::vector<double> all = to_doubles(*tensor);
        for (size_t at = 0; at + size_t(frames) <= all.size(); at += size_t(frames)) {
            masks.emplace_back(all.begin() + long(at), all.begin() + long(at) + frames);
        }
    }
    return masks;
}

}  // namespace

bool CaseReport::passed() const {
    return !tensors.empty() &&
           std::all_of(tensors.begin(), tensors.end(), [](const TensorDifference &t) { return t.passed; });
}

CaseReport verify_case(const std::string &path, KernelStore &kernels, Dtype dtype) {
    const SafetensorsFile file(path);
    Case c = parse_case(file, path);
    c.shape.dtype = dtype;
    // With bf16 a gate may fall the other way, after which nothing could be compared: blocks are given the case's
    // masks, and the navigation's decisions are compared with them.
    const bool forced = c.shape.forced_masks;
    const auto masks = dtype == Dtype::F32 || forced ? std::vector<std::vector<int>>()
                                                     : masks_of(file, c.shape.flat_frames());
    c.shape.forced_masks = forced || !masks.empty();
    Network network(c.description, c.shape, kernels, recipe_weights(c.seed, c.gain));
    network.fill_recipe_video(c.seed);
    if (!masks.empty() && masks.size() != network.lowered().selections.size()) {
        throw Error(path + ": holds masks of " + std::to_string(masks.size()) + " blocks; " +
                    std::to_string(network.lowered().selections.size()) + " expected");
    }
    for (size_t block = 0; block < network.lowered().selections.size() && c.shape.forced_masks; block++) {
        network.force_mask(block, forced ? c.forced_mask : masks[block]);
    }

    ModuleSummaries ours(network);
    const auto begin = std::chrono::steady_clock::now();
    network.run([&](const StepReport &report) {
        for (const Tap &tap : network.lowered().plan.taps) {
            if (tap.step == report.index) ours.take(tap);
        }
    });
    const auto end = std::chrono::steady_clock::now();
    put_results(network, ours, forced);

    CaseReport report;
    report.path = path;
    report.model = c.description.name;
    report.milliseconds = std::chrono::duration<double, std::milli>(end - begin).count();
    report.arena_bytes = network.executor().arena_bytes();
    const SafetensorsTensor *margin = file.find("gate_margin");
    const std::vector<double> margins = margin ? to_doubles(*margin) : std::vector<double>();
    const Tolerances tolerances = tolerances_of(dtype, margins);
    for (const SafetensorsTensor &theirs : file.tensors()) {
        report.tensors.push_back(compare(theirs, ours.find(theirs.name), margins, tolerances));
        const TensorDifference &row = report.tensors.back();
        if (dtype != Dtype::F32 && row.name == "clip_logits" && row.largest_relative > 0) {
            report.tensors.push_back(
                compare_classes(theirs, *ours.find(theirs.name), size_t(c.shape.clips), tolerances));
        }
    }
    return report;
}

}  // namespace afnet
