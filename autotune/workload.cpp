#include "autotune/workload.h"

#include <algorithm>
#include <cmath>
#include <fnmatch.h>
#include <map>
#include <sstream>

#include "model/step_selection.h"
#include "runtime/error.h"
#include "runtime/json.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

bool matches(const std::string &name, const std::vector<std::string> &globs) {
    return std::any_of(globs.begin(), globs.end(),
                       [&](const std::string &glob) { return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0; });
}

// Everything about a step that its time may depend on, but for the values of tensors. `patches`: which are selected,
// where that is part of it.
Json signature(const Plan &plan, const Step &step, int selected, const std::string &patches) {
    Json arguments = Json::array();
    for (const Argument &argument : step.arguments) {
        const TensorInfo &tensor = plan.tensors[size_t(argument.tensor)];
        // Two arguments on one tensor: in place.
        const auto same = [&](const Argument &other) { return other.tensor == argument.tensor; };
        const auto first = std::find_if(step.arguments.begin(), step.arguments.end(), same);
        arguments.push_back({argument.name, tensor.extents, tensor.border, tensor.zero_frame, argument.groups,
                             argument.border, argument.ignored, first->name});
    }
    return {arguments, step.frames, selected, patches};
}

std::string extents_text(const TensorInfo &tensor) {
    std::string text = "[";
    for (size_t i = 0; i < tensor.extents.size(); i++)
        text += (i ? ", " : "") + std::to_string(tensor.extents[i]);
    return text + "]";
}

// The first activation that is read, and what is written.
std::string shape_text(const Plan &plan, const Step &step, int selected, const std::string &patches) {
    const TensorInfo *in = nullptr, *out = nullptr;
    for (const Argument &argument : step.arguments) {
        const TensorInfo &tensor = plan.tensors[size_t(argument.tensor)];
        if (argument.name == "output") {
            out = &tensor;
        } else if (!in && !argument.ignored) {
            in = &tensor;
        }
    }
    std::string text = in ? extents_text(*in) : "";
    if (out) text += " -> " + extents_text(*out);
    if (selected >= 0) text += ", " + std::to_string(selected) + " selected";
    return text + (patches.empty() ? "" : ", " + patches);
}

// `.5 of 7x7 patches of 5 frames`
std::string patches_text(const StepMasks &masks, double rs) {
    std::ostringstream text;
    text << rs << " of " << masks.grid << "x" << masks.grid << " patches of " << masks.frames << " frames";
    return text.str();
}

// What a run's masks may be: a ratio of frames, and one of their patches.
std::vector<std::pair<double, double>> mask_ratios(const Runs &runs) {
    std::vector<std::pair<double, double>> all;
    for (double frames : runs.ratios) {
        for (double patches : runs.patch_ratios.empty() ? std::vector<double>{1} : runs.patch_ratios)
            all.emplace_back(frames, patches);
    }
    return all;
}

} // namespace

double Workload::gmac() const {
    double sum = 0;
    for (const Occurrence &occurrence : occurrences)
        sum += occurrence.weight * occurrence.gmac;
    return sum;
}

Json Workload::shapes() const {
    Json shapes = Json::array();
    for (const Occurrence &o : occurrences)
        shapes.push_back({{"shape", o.shape}, {"weight", o.weight}});
    return shapes;
}

std::vector<Workload> workloads(const Runs &runs, const std::vector<std::string> &globs) {
    std::map<std::string, Workload> found;                     // by kernel
    std::map<std::string, std::map<std::string, size_t>> seen; // kernel -> signature -> occurrence
    const auto ratios = mask_ratios(runs);
    for (const ModelDescription &model : runs.models) {
        RunShape run;
        run.frames = runs.frames > 0 ? runs.frames : model.frames;
        run.width = run.height = runs.size;
        run.dtype = runs.dtype;
        run = for_target(run, runs.target);
        if (!runs.patch_ratios.empty()) run.forced_grid = runs.grid;
        const LoweredNetwork network = lower(model, run);
        for (size_t i = 0; i < network.plan.steps.size(); i++) {
            const Step &step = network.plan.steps[i];
            const std::string name = step.kernel.name();
            if (!matches(name, globs)) continue;
            for (const auto &[ratio, rs] : ratios) {
                const StepMasks masks = step_masks(model, run, int(std::lround(ratio * run.frames)), rs);
                const int selected = selected_of(network, step, masks);
                const int frames = computed_frames(step, selected);
                if (frames == 0) continue;
                const std::string patches = depends_on_patches(network, step) ? patches_text(masks, rs) : "";
                Workload &workload = found[name];
                workload.kernel = step.kernel;
                const auto [at, added] = seen[name].try_emplace(signature(network.plan, step, selected, patches).dump(),
                                                                workload.occurrences.size());
                if (added) {
                    Occurrence o;
                    o.model = model;
                    o.run = run;
                    o.step = i;
                    o.frames = masks.frames;
                    o.rs = rs;
                    o.selected = selected;
                    o.weight = 0;
                    o.gmac = step.macs * frames / 1e9;
                    o.label = step.label;
                    o.shape = shape_text(network.plan, step, selected, patches);
                    workload.occurrences.push_back(std::move(o));
                }
                workload.occurrences[at->second].weight += 1.0 / double(ratios.size());
            }
        }
    }
    if (found.empty()) {
        std::string names;
        for (const std::string &glob : globs)
            names += " '" + glob + "'";
        throw UsageError("tune: no kernel that computes anything at these ratios matches" + names +
                         "; `afnet info --model MODEL` lists all");
    }
    std::vector<Workload> result;
    for (auto &[name, workload] : found)
        result.push_back(std::move(workload));
    return result;
}

Json occurrence_json(const Occurrence &o) {
    return {{"model", description_text(o.model)},
            {"frames", o.run.frames},
            {"size", o.run.width},
            {"grid", o.run.forced_grid},
            {"selected_frames", o.frames},
            {"rs", o.rs},
            {"dtype", dtype_name(o.run.dtype)},
            {"on_gpu", o.run.on_gpu},
            {"step", o.step},
            {"selected", o.selected},
            {"weight", o.weight},
            {"gmac", o.gmac},
            {"label", o.label},
            {"shape", o.shape}};
}

Occurrence occurrence_from(const Json &json) {
    Occurrence o;
    o.model = parse_description(json.at("model").get<std::string>(), "the request's model");
    o.run.frames = json.at("frames").get<int>();
    o.run.width = o.run.height = json.at("size").get<int>();
    o.run.forced_grid = json.at("grid").get<int>();
    o.frames = json.at("selected_frames").get<int>();
    o.rs = json.at("rs").get<double>();
    o.run.dtype = dtype_named(json.at("dtype").get<std::string>());
    o.run.on_gpu = json.at("on_gpu").get<bool>();
    o.step = json.at("step").get<size_t>();
    o.selected = json.at("selected").get<int>();
    o.weight = json.at("weight").get<double>();
    o.gmac = json.at("gmac").get<double>();
    o.label = json.at("label").get<std::string>();
    o.shape = json.at("shape").get<std::string>();
    return o;
}

} // namespace afnet
