// afnet eval: how right a model is on the clips of a list, and what its choice of frames and patches is worth.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "model/command_line.h"
#include "model/device_option.h"
#include "model/dtype_option.h"
#include "model/evaluation_report.h"
#include "model/progress.h"
#include "model/stage_masks.h"
#include "model/unselected_option.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/text.h"

namespace afnet {

namespace {

struct Options {
    std::string model, data, root, out;
    std::vector<std::string> masks = {"learned"};
    std::string masks_of;
    std::vector<double> rt, rs;
    std::vector<std::string> mask_seeds = {"1"};
    uint64_t seed = 1;
    bool pairs = false, skip_unreadable = false;
    int64_t least_frames = 0;
    EvaluationOptions evaluation;
    DeviceOptions device;
};

// A folder that training wrote has the best weights under this name.
constexpr const char *kBestWeights = "best.safetensors";

// A probe of the output folder; files of evaluations are seldom larger.
constexpr size_t kProbeBytes = 64 << 10;

std::string weights_of(const std::string &model) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(model, ignored)) return model;
    const std::string path = model + "/" + kBestWeights;
    if (!std::filesystem::exists(path, ignored)) {
        throw Error(model + ": a folder without " + kBestWeights +
                    "; the folder of a training run, a weights file or "
                    "the name of a model expected");
    }
    return path;
}

MaskTarget target_of(const Options &options, const ModelDescription &description) {
    return mask_target_named(options.masks_of).value_or(automatic_target(description));
}

void check_ratios(const CaseChoices &choices, const ModelDescription &description) {
    const bool taken = std::any_of(choices.policies.begin(), choices.policies.end(), takes_ratio);
    const auto check = [&](const char *option, const std::vector<double> &ratios, bool of_target, const char *what) {
        if (ratios.empty()) return;
        if (!of_target) {
            throw UsageError(std::string(option) + ": the --masks choose no " + what + " of " + description.name +
                             "; --masks-of says what they choose");
        }
        if (!taken) {
            throw UsageError(std::string(option) +
                             ": none of the --masks takes a ratio; of frames random, random-same, "
                             "uniform, normal, first and centre do, of patches random, "
                             "random-same, centre, blob and crop");
        }
    };
    check("--rt", choices.rt, targets_frames(choices.target), "frames");
    check("--rs", choices.rs, targets_patches(choices.target), "patches");
}

std::vector<EvaluationCase> cases_of(const Options &options, const ModelDescription &description) {
    CaseChoices choices;
    for (const std::string &name : options.masks) {
        const MaskPolicy policy = mask_policy_named(name);
        if (std::find(choices.policies.begin(), choices.policies.end(), policy) == choices.policies.end())
            choices.policies.push_back(policy);
    }
    choices.rt = options.rt;
    choices.rs = options.rs;
    choices.target = target_of(options, description);
    for (const std::string &text : options.mask_seeds)
        choices.seeds.push_back(std::stoull(text));
    check_ratios(choices, description);
    return evaluation_cases(choices);
}

// The model's own, else those beside the list, unless they are too many; else numbers.
std::vector<std::string> names_of_classes(const LoadedModel &model, const std::string &list) {
    if (!model.labels.empty()) return model.labels;
    const auto classes = size_t(model.description.classes);
    std::vector<std::string> names = class_names(list);
    if (names.size() > classes) names.clear();
    for (size_t k = names.size(); k < classes; ++k)
        names.push_back(std::to_string(k));
    return names;
}

void remark_on(const LoadedModel &model, const Options &options, const CommandContext &context) {
    if (context.quiet) return;
    if (!model.trained) {
        std::fprintf(stderr, "afnet: %s has no trained weights here: %s are good for timing, its labels mean nothing\n",
                     options.model.c_str(), model.source.c_str());
    }
    if (!options.out.empty() && size_t(model.description.classes) > kMostConfusionClasses)
        std::fprintf(stderr, "afnet: %d classes: no confusion matrices are written\n", model.description.classes);
}

void name_faults(const std::vector<ClipFault> &faults) {
    for (const ClipFault &fault : faults)
        std::fprintf(stderr, "afnet: %s\n", fault.message.c_str());
}

int run_eval(const Options &options, const CommandContext &context) {
    std::optional<OutputFolder> folder;
    configure_halide(context.threads);
    EvaluationReport report;
    report.clips = read_clip_list(options.data, options.root);
    const size_t dropped = options.least_frames > 0 ? drop_short_clips(report.clips, options.least_frames) : 0;
    if (report.clips.empty()) throw Error(options.data + ": no clip has enough frames; all were left out");
    if (dropped > 0 && !context.quiet) std::fprintf(stderr, "afnet: %zu short clips are left out\n", dropped);
    const ClipTruth truth{key_frames(options.data), key_patches(options.data)};
    const LoadedModel model = load_model(weights_of(options.model), options.seed);
    const std::vector<EvaluationCase> cases = cases_of(options, model.description);
    if (options.pairs && model.description.classes % 2 != 0) {
        throw UsageError("--pairs: " + model.description.name + " tells " + std::to_string(model.description.classes) +
                         " classes, an odd number");
    }
    report.model = options.model;
    report.data = options.data;
    report.description = model.description;
    report.classes = names_of_classes(model, options.data);
    remark_on(model, options, context);
    if (!options.out.empty()) folder.emplace(options.out, kProbeBytes);

    const NeededKernels needed = [&] {
        RunShape choosing = evaluated_shape(model, options.evaluation, report.clips.size()), forced = choosing;
        forced.forced_masks = model.description.adaptive();
        std::vector<RunShape> shapes = {choosing, forced};
        const int grid = options.evaluation.grid > 0 ? options.evaluation.grid : model.description.grid;
        for (RunShape shape : {choosing, forced}) {
            if (target_of(options, model.description) == MaskTarget::Frames) break;
            shape.forced_grid = grid;
            shapes.push_back(shape);
        }
        return gpu_kernels_of(model.description, shapes);
    };
    KernelStore kernels = device_kernels(options.device, options.evaluation.dtype, needed, context.quiet);
    Evaluation evaluation;
    {
        const size_t work = evaluation_work(report.clips.size(), cases);
        Progress progress("eval", work, context.quiet);
        progress.update(0);
        evaluation = evaluate(model, kernels, report.clips, truth, cases, options.evaluation,
                              [&](size_t done) { progress.update(done); });
        progress.update(work);
    }
    report.evaluation = &evaluation;
    for (const CaseOutcome &outcome : evaluation.cases)
        report.summaries.push_back(summarise(outcome, model.description, evaluation.shape, options.pairs));
    if (folder) write_evaluation(report, *folder);
    std::fputs((context.json ? evaluation_json(report) : evaluation_text(report)).c_str(), stdout);
    name_faults(evaluation.faults);
    return evaluation.faults.empty() || options.skip_unreadable ? 0 : 1;
}

const RegisterCommand registered{
    {"eval", "Say how right a model is on labelled clips", [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         app.add_option("model", o->model, "Folder of a training run (its best weights), weights file, name of a model")
             .required();
         app.add_option("-d,--data", o->data, "List of clips: lines `path label` or `path frames label`").required();
         app.add_option("--root", o->root, "Folder of relative paths; default: the list's");
         app.add_option("-m,--masks", o->masks,
                        "Which frames, or patches, focal blocks compute, one or several; default: learned")
             .expected(1, 100)
             .one_of(mask_policy_names());
         app.add_option("--masks-of", o->masks_of,
                        "What these choose: frames, patches or both; the navigation chooses the rest. Default: patches "
                        "where the model has masks in space")
             .one_of(mask_target_names());
         app.add_option("--rt", o->rt,
                        "Parts of frames for random, random-same, uniform, normal, first and centre; default: "
                        "what learned realises")
             .expected(1, 100)
             .range(0.0, 1.0);
         app.add_option("--rs", o->rs,
                        "Parts of patches of these frames for random, random-same, centre, blob and crop; default: "
                        "what learned realises")
             .expected(1, 100)
             .range(0.0, 1.0);
         app.add_option("--grid", o->evaluation.grid,
                        "Patches across and down a frame where --masks choose them; default: the model's")
             .range(1, 64);
         app.add_option("--mask-seed", o->mask_seeds, "Seeds of masks and of Gumbel noise, one or several; default: 1")
             .expected(1, 100)
             .check(seed_fault);
         app.add_flag("--reversed", o->evaluation.reversed,
                      "Also classify each clip with its frames from last to first");
         app.add_flag("--pairs", o->pairs, "Classes 2i and 2i+1 are what each other's reversed clips show")
             .needs("--reversed");
         app.add_option("-o,--out", o->out, "Folder for confusion matrices, tables, plot and predictions");
         app.add_flag("--skip-unreadable", o->skip_unreadable, "Exit with 0 although clips could not be read");
         app.add_option("--least-frames", o->least_frames,
                        "Leave out clips of fewer frames by the list, as the authors "
                        "do with 3; default: none")
             .range(int64_t(0), int64_t(1000000));
         app.add_option("--frames", o->evaluation.frames, "Frames per clip; default: what the model is for")
             .range(1, 256);
         app.add_option("--size", o->evaluation.size, "Columns and rows of the crop; default: what the model is for")
             .range(32, 2048);
         app.add_option("--batch", o->evaluation.batch, "Clips at a time; default: by their size")
             .range(1, 256);
         add_unselected_option(app, o->evaluation.unselected);
         add_dtype_option(app, o->evaluation.dtype);
         add_device_options(app, o->device);
         app.add_option("--seed", o->seed, "Seed of the weights of a model that has none")
             .check(seed_fault)
             .capture_default_str();
         app.footer("Example: afnet eval runs/stripes --data val/list.txt --masks learned random oracle --out figures");
         return [o, &context] { return run_eval(*o, context); };
     }}};

} // namespace

} // namespace afnet
