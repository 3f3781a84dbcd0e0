// afnet tune: knobs that were measured, as records; and the process in which its candidates are measured.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "autotune/contest_process.h"
#include "autotune/model_arguments.h"
#include "autotune/scratch_folder.h"
#include "autotune/search_space.h"
#include "autotune/tuner.h"
#include "model/command_line.h"
#include "model/dtype_option.h"
#include "model/progress.h"
#include "model/text_table.h"
#include "runtime/command.h"
#include "runtime/device_choice.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// What suits the element type, or how vendors' kernels round factors.
double default_tolerance(Dtype dtype, const TuneSettings &settings) {
    const VendorRounding rounding = settings.vendor.rounding;
    if (dtype == Dtype::BF16 || rounding == VendorRounding::Bf16) return 1.0 / 128;
    return rounding == VendorRounding::F32 ? settings.tolerance : 1.0 / 512;
}

struct Options {
    Runs runs;
    std::vector<std::string> models, kernels;
    std::string budget = "40", target, log;
    std::string generators, cache;
    double least_gain = 2;           // percent
    double time_limit = 60;          // seconds of one generator or one measurement
    size_t memory_limit = 4096;      // MiB of the same
    std::optional<double> tolerance; // else what suits the element type
    bool dry_run = false;
    TuneSettings settings;
};

std::string outcome_text(const TuneResult &result) {
    std::string text;
    for (const auto &[outcome, count] : result.outcomes) {
        text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + outcome;
    }
    return text;
}

Json row(const TuneResult &r, bool on_device) {
    return {{"kernel", r.kernel},
            {"shapes", r.shapes},
            {"space", r.space},
            {"tried", r.tried},
            {"measured_now", r.measured_now},
            {"outcomes", r.outcomes},
            {"automatic_ms", r.automatic_ms},
            {"best_ms", r.best_ms},
            {"gain", r.gain},
            {"percent_of_peak", on_device ? Json() : Json(100 * r.peak_share)},
            {"knobs", r.best},
            {"record", fate_name(r.record)},
            {"fault", r.fault.empty() ? Json() : Json(r.fault)}};
}

void print_json(const std::vector<TuneResult> &results, const TuneSettings &settings) {
    Json document;
    document["machine"] = settings.machine();
    document["machine"]["target"] = settings.target.name;
    document["rows"] = Json::array();
    for (const TuneResult &result : results)
        document["rows"].push_back(row(result, settings.on_device()));
    std::printf("%s\n", json_text(document, 1).c_str());
}

void print_table(const std::vector<TuneResult> &results) {
    TextTable table({"kernel", "automatic ms", "best ms", "gain", "of peak", "record", "knobs"}, "lrrrrll");
    for (const TuneResult &r : results) {
        if (!r.fault.empty()) continue;
        table.add({r.kernel, decimal(r.automatic_ms, 3), decimal(r.best_ms, 3), decimal(100 * r.gain, 1) + " %",
                   r.peak_share > 0 ? decimal(100 * r.peak_share, 1) + " %" : "", fate_name(r.record),
                   knob_text(r.best)});
    }
    std::printf("%s", table.text().c_str());
    for (const TuneResult &r : results) {
        if (!r.fault.empty()) std::printf("%s: not tuned: %s\n", r.kernel.c_str(), r.fault.c_str());
    }
}

// What would be done, as far as it is known without compiling.
int list(const std::vector<Workload> &work, const Options &options, bool json) {
    Json rows = Json::array();
    TextTable table({"kernel", "points", "GMAC", "times", "shape"}, "lrrrl");
    for (const Workload &workload : work) {
        const std::string name = workload.kernel.name();
        const uint64_t points =
            restricted(search_space_of(options.settings.generators, workload.kernel), options.settings.only).size();
        rows.push_back({{"kernel", name}, {"space", points}, {"shapes", workload.shapes()}});
        for (const Occurrence &o : workload.occurrences) {
            const bool first = &o == &workload.occurrences.front();
            table.add({first ? name : "", first ? std::to_string(points) : "", decimal(o.gmac, 3),
                       decimal(o.weight, o.weight == double(int(o.weight)) ? 0 : 2), o.shape});
        }
    }
    if (json) {
        std::printf("%s\n", Json{{"rows", rows}}.dump(1).c_str());
    } else {
        std::printf("%s", table.text().c_str());
    }
    return 0;
}

std::string progress_text(const TuneProgress &progress, size_t kernels_left) {
    std::string text = decimal(progress.best_ratio, 3) + " of automatic";
    if (progress.seconds_left >= 0) text += ", " + duration_text(progress.seconds_left) + " left";
    if (kernels_left > 0) text += ", " + std::to_string(kernels_left) + " kernels after it";
    return text;
}

void remark(const TuneResult &r, const CommandContext &context) {
    if (context.quiet) return;
    if (!r.fault.empty()) {
        std::fprintf(stderr, "tune: %s: not tuned: %s\n", r.kernel.c_str(), r.fault.c_str());
        return;
    }
    std::fprintf(stderr, "tune: %s: %.3f ms, automatic %.3f ms; %s; record %s\n", r.kernel.c_str(), r.best_ms,
                 r.automatic_ms, outcome_text(r).c_str(), fate_name(r.record).c_str());
    if (r.record == RecordFate::Slower) {
        std::fprintf(stderr, "tune: %s: automatic knobs are quicker than its record; delete the record\n",
                     r.kernel.c_str());
    } else if (r.record == RecordFate::Unusable) {
        std::fprintf(stderr, "tune: %s: its record no longer makes a right kernel; delete the record\n",
                     r.kernel.c_str());
    }
}

// One kernel after the other. A kernel that cannot be tuned does not keep the others from it.
std::vector<TuneResult> tune_all(const std::vector<Workload> &work, const Options &options, TuningLog &log,
                                 const CommandContext &context, bool &stopped) {
    const Budget budget = parse_budget(options.budget);
    const Clock::time_point begin = Clock::now();
    std::vector<TuneResult> results;
    for (size_t i = 0; i < work.size() && !stopped; i++) {
        const size_t left = work.size() - i;
        Budget share = budget;
        share.seconds -= std::chrono::duration<double>(Clock::now() - begin).count();
        share.seconds = std::max(share.seconds, 0.0) / double(left);
        std::unique_ptr<Progress> progress;
        const auto observe = [&](const TuneProgress &p) {
            const std::string label = "tune " + work[i].kernel.name();
            if (!progress) progress = std::make_unique<Progress>(label, p.most, context.quiet);
            progress->update(std::min(p.done, p.most), progress_text(p, left - 1));
        };
        try {
            results.push_back(tune_kernel(work[i], share, options.settings, log, observe));
        } catch (const Interrupted &) {
            stopped = true;
            break;
        } catch (const Error &error) {
            TuneResult failed;
            failed.kernel = work[i].kernel.name();
            failed.shapes = work[i].shapes();
            failed.fault = error.what();
            failed.failed = true;
            results.push_back(std::move(failed));
        }
        progress.reset();
        remark(results.back(), context);
    }
    return results;
}

// That the target's kernels run on: this CPU, or a device. A list of what would be measured needs no device.
void require_machine(TuneSettings &settings, bool dry_run) {
    if (settings.on_device()) {
        if (!dry_run) settings.device = device_of(settings.target);
    } else if (!runs_here(settings.target)) {
        throw Error("tune: kernels for " + settings.target.name +
                    " do not run on this CPU; `afnet info` says which do");
    }
}

int tune(Options &options, const CommandContext &context) {
    options.runs.models = described_models(options.models);
    TuneSettings &settings = options.settings;
    parse_budget(options.budget);
    const Dtype dtype = options.runs.dtype;
    settings.target = options.runs.target =
        options.target.empty() ? choose_library_target(kernel_folder(), nullptr, dtype) : target_named(options.target);
    const std::vector<Dtype> &held = settings.target.dtypes;
    if (std::find(held.begin(), held.end(), dtype) == held.end()) {
        throw UsageError("tune: libraries for " + settings.target.name + " hold no kernels of " + dtype_name(dtype) +
                         "; --dtype and --target must fit");
    }
    const std::vector<Workload> work = workloads(options.runs, options.kernels);
    // Sums in another order: bfloat16 has eight bits.
    settings.tolerance = options.tolerance.value_or(default_tolerance(dtype, settings));
    if (settings.vendor.use == VendorPolicy::Use::Everywhere && settings.target.gpu != GpuInterface::Cuda) {
        throw UsageError("tune: --vendor-kernels " + vendor_policy_name(settings.vendor) + " needs --target cuda-80");
    }
    require_machine(settings, options.dry_run);
    settings.generators = options.generators.empty() ? program_folder() + "/bin" : options.generators;
    settings.cache = options.cache.empty() ? kernel_folder() + "/../kernel-cache" : options.cache;
    settings.machine_folder = kernel_folder();
    settings.limits = {options.time_limit, options.memory_limit << 20};
    settings.least_gain = options.least_gain / 100;
    settings.threads = configure_halide(context.threads);
    if (settings.jobs == 0) settings.jobs = settings.threads;
    if (options.dry_run) return list(work, options, context.json);

    const std::string log_path = options.log.empty() ? program_folder() + "/tuning-log.jsonl" : options.log;
    TuningLog log(log_path);
    if (log.unreadable() > 0 && !context.quiet) {
        std::fprintf(stderr, "tune: %s: %zu lines are no measurements and are left alone\n", log_path.c_str(),
                     log.unreadable());
    }
    const ScratchFolder scratch(std::filesystem::temp_directory_path().string(), "TMPDIR names another place");
    settings.scratch = scratch.path();
    bool stopped = false;
    const std::vector<TuneResult> results = tune_all(work, options, log, context, stopped);
    context.json ? print_json(results, settings) : print_table(results);
    if (stopped) {
        if (!context.quiet) {
            std::fprintf(stderr, "tune: %s holds all measurements; the same command goes on from there\n",
                         log_path.c_str());
        }
        throw Interrupted();
    }
    return std::any_of(results.begin(), results.end(), [](const TuneResult &r) { return r.failed; }) ? 1 : 0;
}

const RegisterCommand registered{
    {"tune", "Measure knobs of kernels and keep the best as records", [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         TuneSettings &s = o->settings;
         s.records = AFNET_RECORDS;
         s.jobs = 0;
         app.add_option("-k,--kernels", o->kernels, "Kernels by name, with * and ?").required();
         app.add_option("-m,--model", o->models, "Shipped models, `all`, or files with a model description (*.json)")
             .required();
         app.add_option("--frames", o->runs.frames, "Frames per clip; default: what each model is for")
             .range(1, 256);
         app.add_option("--size", o->runs.size, "Columns and rows").range(32, 4096).capture_default_str();
         app.add_option("--rt", o->runs.ratios, "Ratios of selected frames; several weigh alike")
             .range(0.0, 1.0)
             .capture_default_str();
         app.add_option("--rs", o->runs.patch_ratios,
                        "With masks in space: ratios of the patches of these frames; several weigh alike")
             .range(0.0, 1.0);
         app.add_option("--grid", o->runs.grid, "Patches across and down a frame")
             .range(1, 64)
             .capture_default_str();
         add_dtype_option(app, o->runs.dtype);
         app.add_option("--budget", o->budget, "Candidates for each kernel, or a time for all (90s, 10m, 2h)")
             .capture_default_str();
         app.add_option("--strategy", s.strategy, "Default: exhaustive where the budget allows, else random")
             .one_of({"exhaustive", "random"});
         app.add_option("--only", s.only, "Only some candidates of a knob: knob=value,value");
         app.add_option("--seed", s.seed, "Of the random order and of the data").capture_default_str();
         app.add_option_function<std::string>(
                "--vendor-kernels", [o](const std::string &name) { o->settings.vendor = vendor_policy_named(name); },
                "On CUDA, kernels of cuDNN and cuBLASLt as candidates, with factors rounded no more than so")
             .one_of({"never", "f32", "tf32", "bf16", "f16"})
             .default_str(vendor_policy_name(s.vendor));
         app.add_option("--target", o->target, "Target, a GPU's too; default: the one this CPU would use");
         app.add_option("--log", o->log, "Log of all measurements; default: `tuning-log.jsonl` beside the program");
         app.add_option("--records", s.records, "Folder of records").capture_default_str();
         app.add_option("--gain", o->least_gain, "Percent of time that a record must save")
             .range(0.0, 100.0)
             .capture_default_str();
         app.add_option(
                "--tolerance", o->tolerance,
                "Largest difference from the automatic kernel, over its largest value; default: 2e-5, with bf16 "
                "2^-7, with vendors' tf32 and f16 2^-9")
             .range(0.0, 1.0);
         app.add_option("--finalists", s.finalists, "Candidates that are measured again")
             .range(1, 100)
             .capture_default_str();
         app.add_option("--rounds", s.search_rounds.most, "Samples of each candidate")
             .range(1, 1000)
             .capture_default_str();
         app.add_option("--final-rounds", s.final_rounds.most, "Samples of each of those")
             .range(1, 10000)
             .capture_default_str();
         app.add_option("--time-limit", o->time_limit, "Seconds of one generator or measurement")
             .range(0.1, 1e5)
             .capture_default_str();
         app.add_option("--memory-limit", o->memory_limit, "MiB of one generator or measurement")
             .range(64, 1 << 24)
             .capture_default_str();
         app.add_option("--jobs", s.jobs, "Generators at a time; default: as many as threads")
             .range(1, 1024);
         app.add_option("--generators", o->generators, "Folder of generators; default: `bin` beside the program");
         app.add_option("--cache", o->cache, "Folder of compiled kernels; default: the build's");
         app.add_flag("--dry-run", o->dry_run, "List kernels, shapes and sizes of search spaces; measure nothing");
         app.footer("Example: afnet tune --kernels 'conv2d_k3*' --model af_resnet50_tsm --budget 40 --seed 1");
         return [o, &context] { return tune(*o, context); };
     }}};

const RegisterCommand registered_contest{
    {kContestCommand, "Measures one candidate of `tune`", [](CommandLine &app, CommandContext &) {
         app.group(""); // not in the list of commands: `tune` alone starts it
         auto paths = std::make_shared<std::pair<std::string, std::string>>();
         app.add_option("request", paths->first).required();
         app.add_option("result", paths->second).required();
         return [paths] {
             answer_contest(paths->first, paths->second);
             return 0;
         };
     }}};

} // namespace

} // namespace afnet
