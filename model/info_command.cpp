// afnet info: what this machine runs, which kernels are there, and what a model costs.
#include <cstdio>
#include <memory>
#include <optional>

#include "model/command_line.h"
#include "model/dtype_option.h"
#include "model/installation.h"
#include "model/lowering.h"
#include "model/machine.h"
#include "model/macs.h"
#include "model/text_table.h"
#include "model/weights_file.h"
#include "runtime/arena.h"
#include "runtime/command.h"
#include "runtime/device.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::json;

struct Options {
    std::string model;
    int frames = 0, size = 0;
    double ratio = 1;
    Dtype dtype = Dtype::F32;
};

/// A model, and what a run of a shape costs.
struct Costs {
    LoadedModel model;
    RunShape shape;
    double ratio = 1;
    int64_t parameters = 0;
    size_t arena_bytes = 0;
    std::vector<std::string> blocks;  // focal blocks
    std::vector<LayerMacs> layers;
    std::vector<std::pair<std::string, std::string>> kernels;  // name, and the library that has it; empty: none
};

Costs costs_of(const Options &options, const Installation &here) {
    Costs costs;
    costs.model = load_model(options.model);
    const ModelDescription &d = costs.model.description;
    costs.ratio = options.ratio;
    costs.shape.frames = options.frames > 0 ? options.frames : d.frames;
    costs.shape.width = costs.shape.height = options.size > 0 ? options.size : d.size;
    costs.shape.dtype = options.dtype;
    const LoweredNetwork network = lower(d, costs.shape);
    costs.arena_bytes = plan_arena(network.plan).bytes;
    costs.parameters = learnable_parameters(network.parameters);
    costs.blocks = masked_blocks(network);
    costs.layers = layer_macs(d, costs.shape);
    for (const KernelSpec &spec : kernel_specs(d, options.dtype)) {
        costs.kernels.push_back({spec.name(), here.library_with(spec.name(), d.name)});
    }
    return costs;
}

size_t kernels_in(const std::vector<const Manifest *> &libraries) {
    size_t count = 0;
    for (const Manifest *library : libraries) count += library->kernels.size();
    return count;
}

Json json_of(const std::vector<InstalledDevice> &devices) {
    Json rows = Json::array();
    for (const InstalledDevice &d : devices) {
        Json vendors = Json::object();
        for (const auto &[name, obstacle] : d.vendor_libraries)
            vendors[name] = obstacle;
        rows.push_back({{"device", device_word(d.interface)},
                        {"name", d.name.empty() ? Json() : Json(d.name)},
                        {"platform", d.platform.empty() ? Json() : Json(d.platform)},
                        {"memory_bytes", d.memory_bytes > 0 ? Json(d.memory_bytes) : Json()},
                        {"cuda_capability", d.cuda_capability > 0 ? Json(d.cuda_capability) : Json()},
                        {"obstacle", d.obstacle},
                        {"vendor_libraries", vendors}});
    }
    return rows;
}

Json json_of(const Installation &here) {
    Json rows = Json::array();
    for (const Target &target : targets()) {
        Json libraries = Json::array();
        for (const Manifest *library : here.libraries_for(target)) {
            libraries.push_back(
                {{"file", library->library}, {"model", library->model}, {"kernels", library->kernels.size()}});
        }
        rows.push_back({{"name", target.name},
                        {"runs_here", runs_here(target)},
                        {"obstacle", obstacle(target)},
                        {"libraries", libraries}});
    }
    return {{"processor", cpu_name()},
            {"cpu_features", cpu_features()},
            {"threads", here.threads},
            {"target", here.chosen ? Json(here.chosen->name) : Json()},
            {"target_reason", here.why},
            {"kernel_folder", here.folder},
            {"faults", here.faults},
            {"devices", json_of(installed_devices(here))},
            {"targets", rows}};
}

Json json_of(const Costs &costs) {
    Json layers = Json::array(), kernels = Json::array(), macs;
    for (const LayerMacs &layer : costs.layers) {
        layers.push_back({{"layer", layer.layer},
                          {"block", layer.block < 0 ? Json() : Json(costs.blocks[size_t(layer.block)])},
                          {"conv", layer.conv},
                          {"official", layer.official}});
    }
    for (const auto &[name, library] : costs.kernels) {
        kernels.push_back({{"name", name}, {"library", library.empty() ? Json() : Json(library)}});
    }
    for (const auto &[name, column] : {std::pair("conv", &LayerMacs::conv), std::pair("official", &LayerMacs::official)}) {
        const MacTotals totals = total_macs(costs.layers, column);
        macs[name] = {{"dense_per_frame", totals.dense},
                      {"gated_per_frame", totals.gated},
                      {"per_clip", costs.shape.frames * totals.at(costs.ratio)}};
    }
    return {{"source", costs.model.source},
            {"trained", costs.model.trained},
            {"description", Json::parse(description_text(costs.model.description))},
            {"frames", costs.shape.frames},
            {"size", costs.shape.width},
            {"rt", costs.ratio},
            {"dtype", dtype_name(costs.shape.dtype)},
            {"parameters", costs.parameters},
            {"arena_bytes", costs.arena_bytes},
            {"macs", macs},
            {"layers", layers},
            {"kernels", kernels}};
}

void print_devices(const std::vector<InstalledDevice> &devices) {
    TextTable table({"--device", "name", "memory GiB", "runs networks"}, "llrl");
    for (const InstalledDevice &d : devices) {
        std::string name = d.name.empty() ? "none" : d.name;
        if (!d.platform.empty()) name += " (" + d.platform + ")";
        if (d.cuda_capability > 0) name += ", capability " + decimal(d.cuda_capability / 10.0, 1);
        table.add({device_word(d.interface), name,
                   d.memory_bytes > 0 ? decimal(double(d.memory_bytes) / (1 << 30), 1) : "",
                   d.obstacle.empty() ? "yes"
                   : d.name.empty()   ? d.obstacle
                                      : "no: " + d.obstacle});
        for (const auto &[library, obstacle] : d.vendor_libraries)
            table.add({"", "  " + library, "", obstacle.empty() ? "with --vendor-kernels" : obstacle});
    }
    std::printf("\n%s", table.text().c_str());
}

void print_text(const Installation &here) {
    std::printf("processor     %s\n", cpu_name().c_str());
    std::printf("CPU features  %s\n", word_list(cpu_features()).c_str());
    std::printf("threads       %d\n", here.threads);
    std::printf("target        %s (%s)\n", here.chosen ? here.chosen->name.c_str() : "none", here.why.c_str());
    std::printf("kernels       %s\n", here.folder.c_str());
    for (const std::string &fault : here.faults) std::printf("fault         %s\n", fault.c_str());

    print_devices(installed_devices(here));
    TextTable table({"target", "libraries", "kernels", "runs here"}, "lrrl");
    for (const Target &target : targets()) {
        const auto libraries = here.libraries_for(target);
        const std::string why_not = obstacle(target);
        table.add({target.name, std::to_string(libraries.size()), std::to_string(kernels_in(libraries)),
                   why_not.empty() ? "yes" : "no: " + why_not});
    }
    std::printf("\n%s", table.text().c_str());
    if (!here.chosen) return;

    const auto libraries = here.libraries_for(*here.chosen);
    if (libraries.empty()) {
        std::printf("\nNo kernel library for %s there: build the project, run `afnet compile --target %s --model MODEL`,\n"
                    "or let AFNET_KERNELS name another folder.\n",
                    here.chosen->name.c_str(), here.chosen->name.c_str());
        return;
    }
    TextTable chosen({"library", "made for", "kernels"}, "llr");
    for (const Manifest *library : libraries) {
        chosen.add({library->library, library->model, std::to_string(library->kernels.size())});
    }
    std::printf("\n%s", chosen.text().c_str());
}

void print_layers(const Costs &costs) {
    TextTable table({"layer", "gated", "conv M/frame", "official M/frame", "conv M/clip", "official M/clip"}, "lcrrrr");
    const auto row = [&](const std::string &name, bool gated, double conv, double official) {
        const double frames = costs.shape.frames * (gated ? costs.ratio : 1);
        table.add({name, gated ? "r" : "", decimal(conv / 1e6, 4), decimal(official / 1e6, 4),
                   decimal(conv * frames / 1e6, 3), decimal(official * frames / 1e6, 3)});
    };
    for (const LayerMacs &layer : costs.layers) {
        row(layer.layer, layer.block >= 0, double(layer.conv), double(layer.official));
    }
    const MacTotals conv = total_macs(costs.layers, &LayerMacs::conv);
    const MacTotals official = total_macs(costs.layers, &LayerMacs::official);
    table.add_line();
    row("all frames", false, double(conv.dense), double(official.dense));
    if (conv.gated > 0) row("selected frames", true, double(conv.gated), double(official.gated));
    row("sum", false, conv.at(costs.ratio), official.at(costs.ratio));
    std::printf("\n%s", table.text().c_str());
}

void print_kernels(const Costs &costs, const Installation &here) {
    TextTable table({"kernel", "library"}, "ll");
    size_t missing = 0;
    for (const auto &[name, library] : costs.kernels) {
        missing += library.empty();
        table.add({name, library.empty() ? "MISSING" : library});
    }
    std::printf("\n%s\n%zu kernels, %zu missing", table.text().c_str(), costs.kernels.size(), missing);
    if (missing > 0 && here.chosen) {
        std::printf("; run `afnet compile --target %s --model MODEL` with the model's name or description",
                    here.chosen->name.c_str());
    }
    std::printf("\n");
}

void print_text(const Costs &costs, const Installation &here) {
    const ModelDescription &d = costs.model.description;
    std::printf("\nmodel         %s, %s, %d classes%s (%s)\n", d.name.c_str(), d.shift ? "with shift" : "without shift",
                d.classes, costs.model.labels.empty() ? "" : " with names", costs.model.source.c_str());
    if (!ablation_text(d).empty()) std::printf("ablation      %s\n", ablation_text(d).c_str());
    std::printf("clip          %d frames of %d x %d", costs.shape.frames, costs.shape.width, costs.shape.height);
    if (d.soft()) {
        std::printf(", focal blocks weigh frames and compute all of them; weights for %d frames", d.frames);
    } else if (d.adaptive()) std::printf(", focal blocks select r = %.3g of them; weights for %d frames", costs.ratio, d.frames);
    std::printf("\nparameters    %lld\n", (long long)costs.parameters);
    std::printf("arena         %.1f MiB\n", double(costs.arena_bytes) / (1 << 20));
    const double conv = total_macs(costs.layers, &LayerMacs::conv).at(costs.ratio);
    const double official = total_macs(costs.layers, &LayerMacs::official).at(costs.ratio);
    std::printf("MACs          %.3f G per clip (conv), %.3f G (official)\n", costs.shape.frames * conv / 1e9,
                costs.shape.frames * official / 1e9);
    print_layers(costs);
    print_kernels(costs, here);
}

int info(const Options &options, const CommandContext &context) {
    const Installation here = look_around(context.threads, options.dtype);
    std::optional<Costs> costs;
    if (!options.model.empty()) costs = costs_of(options, here);
    if (!context.json) {
        print_text(here);
        if (costs) print_text(*costs, here);
        return 0;
    }
    Json all = json_of(here);
    if (costs) all["model"] = json_of(*costs);
    std::printf("%s\n", json_text(all).c_str());
    return 0;
}

const RegisterCommand registered{
    {"info", "Show what this machine runs, and what a model costs", [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         const CommandOption model =
             app.add_option("-m,--model", o->model, "Also: a model's layers and kernels (name or file)");
         app.add_option("--frames", o->frames, "Frames per clip; default: what the model is for")
             .range(1, 256)
             .needs(model);
         app.add_option("--size", o->size, "Columns and rows; default: what the model is for")
             .range(32, 2048)
             .needs(model);
         app.add_option("--rt", o->ratio, "Part of the frames that focal blocks select")
             .range(0.0, 1.0)
             .needs(model)
             .capture_default_str();
         add_dtype_option(app, o->dtype);
         app.footer("MACs: `conv` counts convolutions and linears, `official` as the published numbers do.\n"
                    "Example: afnet info --model af_resnet50_tsm --frames 12 --rt 0.4");
         return [o, &context] { return info(*o, context); };
     }}};

}  // namespace

}  // namespace afnet
