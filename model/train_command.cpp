// afnet train: a recipe, a list of clips, and a folder for what comes of it.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "model/command_line.h"
#include "model/flip_policy.h"
#include "model/initial_weights.h"
#include "model/train_options.h"
#include "model/trainer.h"
#include "model/weights_file.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/interrupt.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

// Parameters to begin with: those of another network, as far as they fit.
StateTensors beginning(const TrainOptions &o, const ModelDescription &description, const TrainingStage &first) {
    if (o.from.empty()) {
        return state_of(description, initial_weights(description, {o.seed, first.drop_bias, first.keep_bias,
                                                                   first.classifier_deviation}));
    }
    const LoadedModel source = load_model(o.from, o.seed);
    std::map<std::string, std::vector<int64_t>> theirs;
    for (const ParameterInfo &parameter : needed_parameters(source.description)) theirs[parameter.key] = parameter.shape;
    // A stage gives parameters that are missing their first values: with other classes the classifier's, with another T
    // those of the gates' last layer.
    StateTensors state;
    for (const ParameterInfo &parameter : needed_parameters(description)) {
        const auto found = theirs.find(parameter.key);
        if (found != theirs.end() && found->second == parameter.shape) state[parameter.key] = source.weights(parameter);
    }
    return state;
}

int classes_in(const std::vector<ListedClip> &clips) {
    int classes = 0;
    for (const ListedClip &clip : clips) classes = std::max(classes, clip.label + 1);
    return classes;
}

ModelDescription wanted_description(const TrainOptions &o, const std::vector<ListedClip> &training,
                                    const std::vector<std::string> &labels) {
    ModelDescription description =
        load_model(o.from.empty() ? o.model : o.from, o.seed).description;
    const int listed = std::max(classes_in(training), int(labels.size()));
    description.classes = o.classes > 0 ? o.classes : listed;
    if (description.classes < listed) {
        throw UsageError("train: --classes " + std::to_string(o.classes) + ", but " + o.data + " has " +
                         std::to_string(listed));
    }
    if (o.frames > 0) description.frames = o.frames;
    if (o.size > 0) description.size = o.size;
    if (o.grid > 0) description.grid = o.grid;
    for (const auto &[field, word] : o.choices) set_choice(description, field, word);
    check_description(description, "train");
    return description;
}

// Everything that the run follows from, for config.json.
std::string config_text(const TrainOptions &o, const ModelDescription &description, const TrainingRecipe &recipe,
                        FlipPolicy flip) {
    Json json;
    json["model"] = Json::parse(description_text(description));
    json["from"] = o.from;
    json["data"] = o.data;
    json["val"] = o.val;
    json["seed"] = o.seed;
    json["augment"] = o.augment;
    json["flip"] = flip_policy_name(flip);
    json["least_frames"] = o.least_frames;
    json["recipe"] = Json::parse(recipe_text(recipe));
    return json_text(json, 1) + "\n";
}

void print_result(const TrainingState &state, const RunFolder &folder, bool json) {
    if (json) {
        const Json line = {{"run", folder.path()},
                           {"epochs", state.epoch},
                           {"steps", state.step},
                           {"best_top1", state.best},
                           {"best_epoch", state.best_epoch + 1},
                           {"model", folder.best()}};
        std::printf("%s\n", json_text(line).c_str());
        return;
    }
    std::printf("%lld epochs, %lld steps; best top-1 %.2f %% after epoch %lld: %s\n", static_cast<long long>(state.epoch),
                static_cast<long long>(state.step), state.best, static_cast<long long>(state.best_epoch + 1),
                folder.best().c_str());
}

// As the authors read lists: without short clips.
std::vector<ListedClip> listed_clips(const std::string &path, int64_t least_frames, bool quiet) {
    std::vector<ListedClip> clips = read_clip_list(path);
    const size_t dropped = drop_short_clips(clips, least_frames);
    if (clips.empty()) {
        throw Error(path + ": no clip has " + std::to_string(least_frames) + " frames; all were left out (--least-frames)");
    }
    if (dropped > 0 && !quiet) {
        std::fprintf(stderr, "train: %s: %zu clips of fewer than %lld frames are left out\n", path.c_str(), dropped,
                     static_cast<long long>(least_frames));
    }
    return clips;
}

AugmentationRule augmentation_rule(const TrainOptions &o, FlipPolicy flip, const std::vector<std::string> &labels,
                                   int classes) {
    AugmentationRule rule;
    rule.multi_scale = o.augment;
    rule.flip = flip != FlipPolicy::None;
    if (flip != FlipPolicy::SwapLabels) return rule;
    if (int(labels.size()) != classes) {
        throw UsageError("train: --flip swap-labels needs the names of all " + std::to_string(classes) +
                         " classes, in classes.txt beside " + o.data);
    }
    rule.mirrored = mirrored_classes(labels);
    return rule;
}

// On the first rank: the run folder, opened; on the others null, once it is open. They read what is in it.
std::unique_ptr<RunFolder> opened_folder(const TrainOptions &o, const std::string &config, ProcessGroup &group) {
    const auto existing = o.resume == "auto" ? RunFolder::Existing::Resume : RunFolder::Existing::Refuse;
    std::unique_ptr<RunFolder> folder;
    if (group.first()) folder = std::make_unique<RunFolder>(o.out, config, existing);
    group.wait();
    return folder;
}

// What a run goes on with, or begins with.
TrainingState first_state(const TrainOptions &o, const ModelDescription &description, const TrainingRecipe &recipe,
                          const std::vector<std::string> &labels, const std::string &config) {
    const std::string last = RunFolder::last_in(o.out);
    if (std::filesystem::exists(last)) return load_training_state(last);
    TrainingState state;
    state.description = description;
    state.labels = int(labels.size()) == description.classes ? labels : std::vector<std::string>();
    state.seed = o.seed;
    state.parameters = beginning(o, description, recipe.stages.front());
    state.config = config;
    return state;
}

// Ranks that do not begin alike would not go on alike.
void check_ranks(ProcessGroup &group, const std::string &config, const std::string &target,
                 const std::vector<ListedClip> &training, const std::vector<ListedClip> &validation,
                 const TrainingState &state) {
    if (group.alone()) return;
    std::string lists;
    for (const auto *list : {&training, &validation}) {
        for (const ListedClip &clip : *list)
            lists += clip.path + " " + std::to_string(clip.label) + "\n";
    }
    group.check_same(config, "its options or files give another configuration than those of rank 0");
    group.check_same(lists, "its lists of clips are not those of rank 0");
    group.check_same(target,
                     "it would run kernels for " + target + ", rank 0 others; set AFNET_TARGET to what all have");
    group.check_same(std::to_string(state.step),
                     "it sees another last checkpoint than rank 0; all ranks need one --out folder");
}

void train_in(ProcessGroup &group, const TrainOptions &o, const CommandContext &context) {
    const bool quiet = context.quiet || !group.first();
    const std::vector<ListedClip> training = listed_clips(o.data, o.least_frames, quiet);
    const std::vector<ListedClip> validation =
        o.val.empty() ? std::vector<ListedClip>() : listed_clips(o.val, o.least_frames, quiet);
    const std::vector<std::string> labels = class_names(o.data);
    TrainerOptions options;
    options.recipe = resolved_recipe(o);
    const ModelDescription description = wanted_description(o, training, labels);
    if (classes_in(validation) > description.classes) {
        throw Error(o.val + ": has a label of " + std::to_string(classes_in(validation) - 1) + "; " + o.data + " has " +
                    std::to_string(description.classes) + " classes");
    }
    // A later stage's fault would come when the earlier ones are done.
    for (const TrainingStage &stage : options.recipe.stages)
        stage_masks(stage, description);
    FlipPolicy flip = flip_policy_named(o.flip);
    if (flip == FlipPolicy::Auto) flip = automatic_flip(o.augment, o.data, labels);
    const AugmentationRule augmentation = augmentation_rule(o, flip, labels, description.classes);
    const std::string config = config_text(o, description, options.recipe, flip);
    if (o.print_config) {
        if (group.first()) std::fputs(config.c_str(), stdout);
        return;
    }
    if (o.print_memory) {
        for (const TrainingStage &stage : options.recipe.stages) {
            const TrainingMemory memory = stage_memory(description, stage, description.frames, description.size);
            const auto text = context.json ? memory_json : memory_text;
            if (group.first()) std::fputs(text(stage.name, memory).c_str(), stdout);
        }
        return;
    }
    if (o.out.empty()) throw UsageError("train: --out is needed");
    catch_save_requests();
    configure_halide(context.threads);
    KernelStore kernels(kernel_folder());
    const std::unique_ptr<RunFolder> folder = opened_folder(o, config, group);
    TrainingState state = first_state(o, description, options.recipe, labels, config);
    check_ranks(group, config, kernels.target().name, training, validation, state);
    options.frames = description.frames;
    options.size = description.size;
    options.seed = o.seed;
    options.save_every = o.save_every;
    options.keep = o.keep;
    options.bad_steps = o.bad_steps;
    options.quiet = quiet;
    options.batches.threads = o.readers;
    options.batches.queue = o.queue;
    options.batches.cache_bytes = size_t(o.cache_mib) << 20;
    options.batches.skip_unreadable = !o.strict;
    options.batches.clip.frames = description.frames;
    options.batches.clip.size = description.size;
    options.batches.clip.crop = description.crop;
    options.batches.clip.seed = o.seed;
    options.batches.clip.augmentation = augmentation;
    Trainer trainer(std::move(options), std::move(state), training, validation, kernels, group, folder.get());
    trainer.run();
    if (folder) print_result(trainer.state(), *folder, context.json);
}

int train(const TrainOptions &o, const CommandContext &context) {
    const std::unique_ptr<ProcessGroup> group = join_processes();
    train_in(*group, o, context);
    group->leave();
    return 0;
}

const RegisterCommand registered{
    {"train", "Train a network on labelled videos", [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<TrainOptions>();
         add_train_options(app, *o);
         app.footer("Example: afnet train --model af_tiny_tsm --data clips/list.txt --val held-out/list.txt --rt 0.5 --out run");
         return [o, &context] { return train(*o, context); };
     }}};

}  // namespace

}  // namespace afnet
