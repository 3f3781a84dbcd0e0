// afnet codegen: what generators make of kernels, target beside target.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

#include "autotune/model_arguments.h"
#include "autotune/parallel_jobs.h"
#include "autotune/scratch_folder.h"
#include "bench/codegen/code_report.h"
#include "bench/codegen/kernel_speed.h"
#include "bench/codegen/model_use.h"
#include "model/command_line.h"
#include "model/output_folder.h"
#include "model/progress.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/halide_host.h"
#include "runtime/json.h"
#include "runtime/json_text.h"
#include "runtime/kernel_library.h"

namespace afnet {

namespace {

namespace fs = std::filesystem;

struct Options {
    std::vector<std::string> kernels, targets, knobs, diff;
    bool compares = false;
    std::string emitted = "stmt,html,llvm,asm,object";
    std::string output, page, model, generators, records = AFNET_RECORDS, cache;
    std::string analyzer, processor;
    bool predicts = true, measures = true;
    int frames = 0, size = 224, jobs = 0;
    double seconds = 0.1;
};

std::vector<KernelSpec> wanted_kernels(const Options &options) {
    const std::vector<KernelSpec> known = options.model.empty() ? shipped_kernels()
                                          : fs::path(options.model).extension() == ".safetensors"
                                              ? kernels_of({load_model(options.model).description}, false)
                                              : kernels_of(described_models({options.model}), false);
    return matching_kernels(known, options.kernels.empty() ? std::vector<std::string>{"*"} : options.kernels);
}

struct Piece {
    KernelSpec spec;
    Variant variant;
};

// A target has kernels of its own dtypes: a model's kernels are not all for each target.
std::vector<Piece> pieces_of(const std::vector<KernelSpec> &specs, const std::vector<Variant> &variants) {
    std::vector<Piece> pieces;
    for (const KernelSpec &spec : specs) {
        for (const Variant &variant : variants) {
            if (has_kernel(variant.target, spec)) pieces.push_back({spec, variant});
        }
    }
    if (pieces.empty()) {
        throw UsageError(specs.front().name() + (specs.size() > 1 ? " and others are" : " is") +
                         " of a dtype or shape that " + variants.front().target.name +
                         " has no kernels for; see `afnet info` for targets and their dtypes");
    }
    return pieces;
}

std::vector<KernelCode> emit_all(const Options &options, const std::vector<Piece> &pieces, CodeRequest request,
                                 int jobs, bool quiet) {
    std::vector<KernelCode> codes(pieces.size());
    Progress progress("codegen", pieces.size(), quiet);
    std::mutex mutex;
    size_t done = 0;
    request.generators = options.generators;
    request.records = options.records;
    run_jobs(pieces.size(), jobs, [&](size_t i) {
        codes[i] = kernel_code(pieces[i].spec, pieces[i].variant, request);
        const std::lock_guard<std::mutex> lock(mutex);
        progress.update(++done, codes[i].kernel);
    });
    return codes;
}

void measure_all(const Options &options, const CommandContext &context, const std::vector<Variant> &variants,
                 const std::string &scratch, int jobs, CodegenResult &result) {
    if (options.model.empty() || !options.measures) return;
    if (fs::path(options.model).extension() == ".json") {
        result.remarks.push_back("not measured: " + options.model + " has no weights; name a weights file instead");
        return;
    }
    for (size_t i = 0; i < variants.size(); i++) {
        if (!runs_here(variants[i].target)) {
            result.remarks.push_back("not measured: target " + variants[i].target.name + " does not run here");
            continue;
        }
        SpeedRequest request;
        request.model = options.model;
        request.frames = options.frames;
        request.size = options.size;
        request.threads = configure_halide(context.threads);
        request.seconds = options.seconds;
        request.generators = options.generators;
        request.records = options.records;
        request.cache = options.cache;
        request.scratch = scratch + "/kernels" + std::to_string(i);
        request.jobs = jobs;
        request.quiet = context.quiet;
        std::vector<KernelCode *> codes;
        for (KernelCode &code : result.codes) {
            if (code.variant == variants[i].name) codes.push_back(&code);
        }
        if (!codes.empty()) measure_speed(request, variants[i], codes);
    }
}

void compare_all(CodegenResult &result) {
    for (size_t i = 1; i < result.codes.size(); i++) {
        const KernelCode &a = result.codes[i - 1], &b = result.codes[i];
        if (a.kernel == b.kernel) result.differences.push_back(difference_of(a, b));
    }
    if (result.differences.empty()) {
        throw UsageError("--diff: no kernel is there for both; they have different dtypes");
    }
}

// The page's own folder, unless --out says where files go.
std::string folder_of_files(const Options &options) {
    if (!options.output.empty() || options.page.empty()) return options.output;
    return fs::path(options.page).replace_extension().string() + "-files";
}

void write_page(const Options &options, const CodegenResult &result) {
    std::error_code error;
    const fs::path folder = fs::absolute(options.page).parent_path();
    const fs::path files = fs::relative(result.output, folder, error);
    const std::string title = "Code of " + (options.model.empty() ? std::string("kernels") : options.model);
    write_file(options.page, report_page(result, title, error ? fs::absolute(result.output).string() : files.string()));
}

int codegen(Options options, const CommandContext &context) {
    if (options.kernels.empty() && options.model.empty()) {
        throw UsageError("codegen: name kernels, `*` being any text, or a --model for all of its kernels");
    }
    if (options.targets.empty()) options.targets = {choose_target().name};
    const std::vector<Variant> variants = options.compares
                                              ? compared_variants(options.diff, options.targets, options.knobs)
                                              : variants_of(options.targets, options.knobs);
    const int jobs = options.jobs > 0      ? options.jobs
                     : context.threads > 0 ? context.threads
                                           : int(std::max(1u, std::thread::hardware_concurrency()));
    if (options.generators.empty()) options.generators = program_folder() + "/bin";
    if (options.cache.empty()) options.cache = kernel_folder() + "/../kernel-cache";
    CodeRequest request;
    request.kept = emitted_kinds_named(options.emitted);
    const std::vector<Piece> pieces = pieces_of(wanted_kernels(options), variants);

    CodegenResult result;
    result.output = folder_of_files(options);
    result.model = options.model;
    std::unique_ptr<OutputFolder> folder;
    if (!result.output.empty()) folder = std::make_unique<OutputFolder>(result.output, 1 << 20);
    request.output = result.output;
    const ScratchFolder scratch(result.output.empty() ? fs::temp_directory_path().string() : result.output);
    request.scratch = scratch.path();
    std::unique_ptr<MachineModel> model;
    if (options.predicts) {
        model = std::make_unique<MachineModel>(options.analyzer, options.processor);
        if (!model->absence().empty()) result.remarks.push_back(model->absence());
    }
    request.model = model.get();
    result.codes = emit_all(options, pieces, request, jobs, context.quiet);
    if (!options.model.empty()) note_uses(options.model, options.frames, options.size, result.codes);
    measure_all(options, context, variants, scratch.path(), jobs, result);
    if (options.compares) compare_all(result);
    if (!options.page.empty()) write_page(options, result);
    std::printf("%s", context.json ? (json_text(report_json(result), 1) + "\n").c_str() : report_text(result).c_str());
    for (const std::string &remark : result.remarks) {
        if (!context.quiet) std::fprintf(stderr, "codegen: %s\n", remark.c_str());
    }
    return 0;
}

void add_options(CommandLine &app, Options &o) {
    app.add_option("kernels", o.kernels, "Kernels' names; * is any text. Without --model: of all shipped models");
    app.add_option("--target", o.targets, "Targets; default: the one this CPU would use");
    app.add_option("--knobs", o.knobs,
                   "Knobs, `co_block=16,tile_x=6`, `automatic`, `record` or a record's file; several: each of them")
        .take_all();
    app.add_option("-m,--model", o.model, "Model, weights file or description: its kernels, measured on its shapes");
    app.add_option("--out", o.output, "Folder for what generators emit, made if need be");
    app.add_option("--emit", o.emitted, "What stays there").capture_default_str();
    app.add_option("--html", o.page, "File for a page; without --out, files stand in a folder beside it");
    app.add_option("--frames", o.frames, "Frames per clip; 0: what the model is for").range(0, 256);
    app.add_option("--size", o.size, "Columns and rows").range(32, 2048).capture_default_str();
    app.add_option("--seconds", o.seconds, "Time per kernel and shape, at the least")
        .range(0.001, 1e4)
        .capture_default_str();
    app.add_flag("!--no-speed", o.measures, "Measure nothing");
    app.add_flag("!--no-mca", o.predicts, "Do not ask llvm-mca");
    app.add_option("--mca", o.analyzer, "llvm-mca to use; default: one in PATH");
    app.add_option("--mca-cpu", o.processor, "Its processor; default: one that stands for the target");
    app.add_option("--generators", o.generators, "Folder of generators; default: `bin` beside the program");
    app.add_option("--records", o.records, "Folder of tuned knobs").capture_default_str();
    app.add_option("--cache", o.cache, "Folder of compiled kernels; default: beside the libraries");
    app.add_option("--jobs", o.jobs, "Generators at a time; default: as many as --threads").range(1, 1024);
    app.footer("Example: afnet codegen 'conv2d_k3*' --diff x86-64-avx2 x86-64-avx512 --out code");
}

const RegisterCommand registered{
    {"codegen", "What generators make of kernels: code, figures and differences by target",
     [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         add_options(app, *o);
         const CommandOption diff =
             app.add_option("--diff", o->diff,
                            "Compare two targets, two sets of knobs, or what --target or --knobs name")
                 .expected(0, 2);
         return [o, diff, &context] {
             o->compares = diff.count() > 0;
             // CLI11 gives an option without a value one of its own.
             if (o->diff.size() == 1 && (o->diff[0].empty() || o->diff[0] == "true")) o->diff.clear();
             return codegen(*o, context);
         };
     }}};

} // namespace

} // namespace afnet
