#include "model/reference_case.h"

#include <algorithm>
#include <cmath>

#include "runtime/arena.h"
#include "runtime/error.h"
#include "runtime/json.h"

namespace afnet {

namespace {

using Json = nlohmann::json;

std::string model_name(const std::string &arch, bool shift) {
    const std::map<std::string, std::string> names = {
        {"resnet50", "af_resnet50"}, {"resnet101", "af_resnet101"}, {"mobilenetv3", "af_mobilenetv3"}};
    const auto found = names.find(arch);
    return (found == names.end() ? arch : found->second) + (shift ? "_tsm" : "");
}

// The mask that every focal block is given instead of its own decision, where the case names one.
void parse_forced_mask(const Json &json, const std::string &path, ReferenceCase &result) {
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

void parse_training(const Json &json, const std::string &path, ReferenceCase &result) {
    result.train = json.value("train", false);
    if (!result.train) return;
    result.temperature = json.at("temperature");
    result.target_ratio = json.at("rt");
    result.ratio_weight = json.at("lambda_rt");
    result.labels = json.at("labels").get<std::vector<int>>();
    const bool known = std::all_of(result.labels.begin(), result.labels.end(),
                                   [&](int label) { return label >= 0 && label < result.description.classes; });
    if (int(result.labels.size()) != result.shape.clips || !known) {
        throw Error(path + ": `labels` must be " + std::to_string(result.shape.clips) + " classes");
    }
}

}  // namespace

ReferenceCase parse_case(const SafetensorsFile &file, const std::string &path) {
    const auto text = file.metadata().find("case");
    if (text == file.metadata().end()) {
        throw Error(path + ": holds no `case` in its metadata; a reference-vector file is expected");
    }
    ReferenceCase result;
    try {
        const Json json = Json::parse(text->second);
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
        const auto known = unselected_named(unselected);
        if (!known) {
            throw Error(path + ": `unselected` is " + unselected + "; masked or skipped expected");
        }
        result.shape.unselected = *known;
        parse_forced_mask(json, path, result);
        parse_training(json, path, result);
    } catch (const Json::exception &error) {
        throw Error(path + ": its case cannot be read: " + error.what());
    } catch (const UsageError &error) {
        throw Error(path + ": " + error.what());
    }
    if (result.description.classes < 1) throw Error(path + ": a positive number of classes expected");
    return result;
}

const std::vector<double> *CaseValues::find(const std::string &name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second;
}

void CaseValues::take_module(const std::string &name, const TensorInfo &tensor, const std::vector<double> &stored) {
    if (tensor.extents.size() == 2) {
        values_["mean." + name].assign(stored.begin(),
                                       stored.begin() + long(tensor.extents[0]) * long(tensor.extents[1]));
        return;
    }
    const std::vector<int> extents = stored_extents(tensor);
    const int channels = tensor.extents[0], width = tensor.extents[1], height = tensor.extents[2];
    const auto at = [&](int x, int y, int f) {
        return stored.data() + ((size_t(f) * size_t(extents[2]) + size_t(y + tensor.border)) * size_t(extents[1]) +
                                size_t(x + tensor.border)) * size_t(channels);
    };
    std::vector<double> &mean = values_["mean." + name], &corner = values_["corner." + name];
    mean.clear();
    corner.clear();
    for (int f = 0; f < tensor.extents[3]; f++) {
        std::vector<double> sum(size_t(channels), 0.0);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                const double *pixel = at(x, y, f);
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

double largest_of(const std::vector<double> &values) {
    double largest = 0;
    for (double v : values)
        largest = std::max(largest, std::abs(v));
    return largest;
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

}  // namespace afnet
