// afnet compile: model descriptions to kernel libraries.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <thread>
#include <tuple>

#include "autotune/kernel_compiler.h"
#include "autotune/kernel_header.h"
#include "autotune/model_arguments.h"
#include "model/command_line.h"
#include "model/lowering.h"
#include "model/machine.h"
#include "model/preprocess.h"
#include "model/training_network.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"

namespace afnet {

namespace {

struct Options {
    std::vector<std::string> models, trained, training_dtypes = {"f32"}, targets, features;
    std::vector<std::string> specs;
    std::string name;
    std::string generators, records = AFNET_RECORDS, output, cache, headers;
    int frames = 12, size = 224;
    int jobs = 0;
};

struct Library {
    std::string name;
    SpecList kernels;
    std::vector<KernelSpec> gpu_kernels = {}; // what its targets for GPUs have in place of them, if any
};

// Kernels are generic in frames and size; both are checked here, where a wrong one is found early.
std::vector<Library> wanted_libraries(const Options &options) {
    std::vector<Library> libraries;
    RunShape shape;
    shape.frames = options.frames;
    shape.width = shape.height = options.size;
    for (const ModelDescription &model : described_models(options.models)) {
        lower(model, shape);
        SpecList kernels;
        for (const std::string &dtype : inference_dtype_names()) {
            for (KernelSpec &spec : kernel_specs(model, dtype_named(dtype)))
                kernels.specs.push_back(std::move(spec));
        }
        libraries.push_back({model.name, std::move(kernels), kernel_specs(model, Dtype::F32, true)});
    }
    for (const ModelDescription &model : described_models(options.trained)) {
        SpecList kernels;
        for (const std::string &dtype : options.training_dtypes) {
            for (KernelSpec &spec : training_kernel_specs(model, dtype_named(dtype)))
                kernels.specs.push_back(std::move(spec));
        }
        libraries.push_back({training_library(model), std::move(kernels)});
    }
    if (!options.models.empty()) {
        libraries.push_back({kPreprocessLibrary, {preprocess_specs(), {}}});
        libraries.push_back({kMachineLibrary, {machine_specs(), {}}});
    }
    for (const std::string &file : options.specs) {
        const std::string name = options.name.empty() ? std::filesystem::path(file).stem().string() : options.name;
        for (const Library &library : libraries) {
            if (library.name == name) throw UsageError("compile: two libraries would be named " + name);
        }
        libraries.push_back({name, read_specs(file)});
    }
    return libraries;
}

// What a target's own library holds, each once: its dtypes.
std::vector<KernelSpec> specs_for(const Target &target, const Library &library) {
    std::map<std::string, KernelSpec> specs;
    const bool plans_for_gpus = target.gpu != GpuInterface::None && !library.gpu_kernels.empty();
    for (const KernelSpec &spec : plans_for_gpus ? library.gpu_kernels : library.kernels.specs) {
        if (has_kernel(target, spec)) specs[spec.name()] = spec;
    }
    std::vector<KernelSpec> result;
    for (const auto &[name, spec] : specs)
        result.push_back(spec);
    return result;
}

int processors() {
    return int(std::max(1u, std::thread::hardware_concurrency()));
}

void print_json(const std::string &library, const std::string &target, const CompileReport &report) {
    const nlohmann::ordered_json line = {{"library", library},
                                         {"target", target},
                                         {"manifest", report.manifest_path},
                                         {"kernels", report.kernels},
                                         {"generated", report.generated},
                                         {"linked", report.linked}};
    std::printf("%s\n", line.dump().c_str());
}

// Only a library that this machine can open tells what its kernels take.
void write_header(const std::string &folder, const Target &target, const CompileReport &report) {
    if (folder.empty() || !runs_here(target)) return;
    std::filesystem::path path = std::filesystem::path(folder) / std::filesystem::path(report.manifest_path).filename();
    path.replace_extension(".h");
    if (!report.linked && std::filesystem::exists(path)) return;
    std::filesystem::create_directories(folder);
    write_file(path.string(), kernel_header(KernelLibrary(report.manifest_path)));
}

CompileRequest request_for(const Options &options, const Target &target, const Library &library) {
    CompileRequest request;
    request.model = library.name;
    request.target = target;
    request.specs = specs_for(target, library);
    request.knobs = library.kernels.knobs;
    request.generators = options.generators.empty() ? program_folder() + "/bin" : options.generators;
    request.records = options.records;
    request.output = options.output.empty() ? kernel_folder() : options.output;
    request.cache = options.cache.empty() ? request.output + "/../kernel-cache" : options.cache;
    for (const std::string &feature : options.features)
        request.extra_features += "-" + feature;
    return request;
}

int compile(const Options &options, const CommandContext &context) {
    if (options.models.empty() && options.trained.empty() && options.specs.empty()) {
        throw UsageError("compile: --model, --train or --specs is needed");
    }
    if (options.specs.size() > 1 && !options.name.empty()) {
        throw UsageError("compile: --name names one library, and --specs has several files");
    }
    const std::vector<Library> libraries = wanted_libraries(options);
    std::vector<CompileRequest> requests;
    for (const std::string &target : options.targets) {
        for (const Library &library : libraries) {
            requests.push_back(request_for(options, target_named(target), library));
            if (requests.back().specs.empty()) requests.pop_back();
        }
    }
    const int jobs = options.jobs > 0 ? options.jobs : context.threads > 0 ? context.threads : processors();
    const std::vector<CompileReport> reports = compile_kernels(requests, jobs, context.quiet);
    for (size_t i = 0; i < requests.size(); i++) {
        const auto &[library, target] = std::tie(requests[i].model, requests[i].target);
        write_header(options.headers, target, reports[i]);
        if (context.json) print_json(library, target.name, reports[i]);
        if (!context.quiet && reports[i].linked) {
            std::fprintf(stderr, "compile: %s for %s: %zu kernels, %zu generated\n", library.c_str(),
                         target.name.c_str(), reports[i].kernels, reports[i].generated);
        }
    }
    return 0;
}

const RegisterCommand registered{
    {"compile", "Compile a model's kernels for targets, ahead of time", [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         app.add_option("--model", o->models, "Shipped models, `all`, or files with a model description (*.json)");
         app.add_option("--train", o->trained, "Models, as --model takes them, to compile the kernels of training for");
         app.add_option("--train-dtype", o->training_dtypes, "Element types of training; f64 serves checks")
             .one_of({"f32", "f64"})
             .capture_default_str();
         app.add_option("--specs", o->specs, "Files with kernel specs to compile instead of, or besides, a model's");
         app.add_option("--name", o->name, "Name of the library made from --specs; default: the file's");
         app.add_option("--frames", o->frames, "Frames per clip").range(1, 256).capture_default_str();
         app.add_option("--size", o->size, "Columns and rows").range(32, 4096).capture_default_str();
         app.add_option("--target", o->targets, "Targets; default: the one this CPU would use");
         app.add_option("--generators", o->generators, "Folder of generators; default: `bin` beside the program");
         app.add_option("--records", o->records, "Folder of tuned knobs").capture_default_str();
         app.add_option("--output", o->output, "Folder of kernel libraries; default: where the program looks for them");
         app.add_option("--cache", o->cache, "Folder of compiled kernels; default: beside the output");
         app.add_option("--headers", o->headers,
                        "Folder of C headers, one for each library that this machine can open; default: none");
         app.add_option("--jobs", o->jobs, "Generators at a time; default: as many as --threads")
             .range(1, 1024);
         app.add_option("--features", o->features, "Further Halide target features, e.g. asan or trace_stores");
         app.footer("Example: afnet compile --model af_resnet50_tsm --target x86-64-avx2");
         return [o, &context] {
             if (o->targets.empty()) o->targets = {choose_target().name};
             return compile(*o, context);
         };
     }}};

} // namespace

} // namespace afnet
