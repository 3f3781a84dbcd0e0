// afnet train: a recipe, a list of clips, and a folder for what comes of it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "model/flip_policy.h"
#include "model/initial_weights.h"
#include "model/trainer.h"
#include "model/weights_file.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/halide_host.h"
#include "runtime/interrupt.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::string model = "af_tiny_tsm", from, data, val, out, config, resume = "never", flip = "auto";
    int64_t least_frames = 3;
    int frames = 0, size = 0, classes = 0;
    uint64_t seed = 1;
    std::map<std::string, std::string> choices;  // of the model description, by field
    bool augment = false, strict = false, print_config = false, print_memory = false;
    int readers = 2, queue = 2, cache_mib = 256, save_every = 0, keep = 0, bad_steps = 10;
    Json stage = Json::object();  // fields of stages that options set
};

// An option that sets a field of every stage. `spellings`: CLI11's, the authors' among them.
template <class Value>
void add_field(CLI::App &app, Options &o, const std::string &spellings, const char *field, const char *help) {
    app.add_option_function<Value>(spellings, [&o, field](const Value &value) { o.stage[field] = value; }, help);
}

// An option that sets a field of the model description.
void add_choice(CLI::App &app, Options &o, const std::string &spelling, const std::string &field, const char *help) {
    const auto &all = description_choices();
    const auto choice = std::find_if(all.begin(), all.end(), [&](const DescriptionChoice &c) { return c.field == field; });
    app.add_option_function<std::string>(
           spelling, [&o, field](const std::string &word) { o.choices[field] = word; },
           std::string(help) + "; default: the model's")
        ->check(CLI::IsMember(choice->words));
}

void add_stage_options(CLI::App &app, Options &o) {
    add_field<int>(app, o, "--epochs", "epochs", "Epochs of a stage");
    add_field<int64_t>(app, o, "--steps", "steps", "Steps of a stage, instead of epochs");
    add_field<int>(app, o, "--batch,-b,--batch-size", "batch", "Clips of a step");
    add_field<int>(app, o, "--micro-batch", "micro_batch",
                   "Clips whose gradient is computed at one time; 0: a batch's");
    add_field<double>(app, o, "--lr,--learning-rate", "lr", "Learning rate");
    add_field<std::string>(app, o, "--lr-type,--lr_type", "lr_type", "step, cosine or constant");
    add_field<std::vector<int>>(app, o, "--lr-steps,--lr_steps", "lr_steps", "Epochs at which the rate falls to a tenth");
    add_field<double>(app, o, "--warm-up", "warm_up", "Fraction of a stage over which the rate rises");
    add_field<double>(app, o, "--rt", "rt", "Ratio of frames that focal blocks are to select");
    add_field<std::string>(app, o, "--rt-type", "rt_type", "step (epochs) or linear (fractions)");
    add_field<double>(app, o, "--rt-begin,--rt_begin", "rt_begin", "Where the ratio begins to fall from 1");
    add_field<double>(app, o, "--rt-end,--rt_end", "rt_end", "Where it is at --rt");
    add_field<double>(app, o, "--t0", "t0", "Temperature at the beginning");
    add_field<double>(app, o, "--t1", "t1", "Temperature at the end");
    add_field<std::string>(app, o, "--t-type", "t_type", "exponential, cosine or linear");
    add_field<double>(app, o, "--t-end,--t_end", "t_end", "Epochs, or below 1 fraction, at which it is at --t1");
    add_field<double>(app, o, "--lambda-rt,--lambda_rt", "lambda_rt", "Weight of the ratio's term in the loss");
    add_field<double>(app, o, "--weight-decay,--wd", "weight_decay", "Weight decay");
    add_field<double>(app, o, "--momentum", "momentum", "Momentum of SGD");
    add_field<bool>(app, o, "--nesterov", "nesterov", "Nesterov's momentum (true, false)");
    add_field<double>(app, o, "--clip-gradient,--gd", "clip_gradient", "Largest norm of the gradient; 0: any");
    add_field<double>(app, o, "--dropout,--do", "dropout", "Dropout in front of the classifier");
    add_field<double>(app, o, "--ema", "ema", "Decay of moving averages of the weights, which are then the result; 0: none");
    add_field<std::string>(app, o, "--groups", "groups", "authors or plain: factors of rate and decay");
    add_field<std::vector<std::string>>(app, o, "--optimizer", "optimizers", "PATTERN=adam:lr=RATE and the like");
    add_field<std::string>(app, o, "--masks", "masks",
                           "learned; all: every frame, no navigation; random, random-same, uniform, normal, first: the "
                           "part --rt of the frames; none");
    add_field<std::string>(app, o, "--unselected", "unselected",
                           "masked: unselected frames are computed from zeroes; sparse: they are not computed");
    add_field<std::vector<std::string>>(app, o, "--freeze", "freeze", "Patterns of parameters that stay as they are");
    add_field<std::vector<std::string>>(app, o, "--thaw", "thaw", "Patterns of parameters that are trained all the same");
    add_field<std::vector<std::string>>(app, o, "--reset", "reset", "Patterns of parameters that begin anew");
    add_field<bool>(app, o, "--partial-bn", "partial_bn", "Frozen BatchNorms use running statistics (true, false)");
    app.add_flag_callback("--npb", [&o] { o.stage["partial_bn"] = false; }, "The authors' spelling of --partial-bn false");
    add_field<double>(app, o, "--drop-bias", "drop_bias", "Where gates begin: bias of dropping a frame");
    add_field<double>(app, o, "--keep-bias", "keep_bias", "Where gates begin: bias of keeping a frame");
}

// Defaults, then the file, then options.
TrainingRecipe resolved_recipe(const Options &o) {
    Json json = Json::object();
    std::string where = "options";
    if (!o.config.empty()) {
        where = o.config;
        json = Json::parse(recipe_text(parse_recipe(read_file(o.config), o.config)));
    } else {
        json = Json::parse(recipe_text(TrainingRecipe()));
    }
    for (Json &stage : json["stages"]) {
        for (const auto &[name, value] : o.stage.items()) stage[name] = value;
    }
    return parse_recipe(json_text(json), where);
}

// Parameters to begin with: those of another network, as far as they fit.
StateTensors beginning(const Options &o, const ModelDescription &description, const TrainingStage &first) {
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

ModelDescription wanted_description(const Options &o, const std::vector<ListedClip> &training,
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
    for (const auto &[field, word] : o.choices) set_choice(description, field, word);
    check_description(description, "train");
    return description;
}

// Everything that the run follows from, for config.json.
std::string config_text(const Options &o, const ModelDescription &description, const TrainingRecipe &recipe,
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

AugmentationRule augmentation_rule(const Options &o, FlipPolicy flip, const std::vector<std::string> &labels,
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
std::unique_ptr<RunFolder> opened_folder(const Options &o, const std::string &config, ProcessGroup &group) {
    const auto existing = o.resume == "auto" ? RunFolder::Existing::Resume : RunFolder::Existing::Refuse;
    std::unique_ptr<RunFolder> folder;
    if (group.first()) folder = std::make_unique<RunFolder>(o.out, config, existing);
    group.wait();
    return folder;
}

// What a run goes on with, or begins with.
TrainingState first_state(const Options &o, const ModelDescription &description, const TrainingRecipe &recipe,
                          const std::vector<std::string> &labels, const std::string &config) {
    const std::string last = o.out + "/last.safetensors";
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

void train_in(ProcessGroup &group, const Options &o, const CommandContext &context) {
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
    options.quiet = context.quiet || !group.first();
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

int train(const Options &o, const CommandContext &context) {
    const std::unique_ptr<ProcessGroup> group = join_processes();
    train_in(*group, o, context);
    group->leave();
    return 0;
}

const RegisterCommand registered{
    {"train", "Train a network on labelled videos", [](CLI::App &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         app.add_option("-m,--model,--arch", o->model, "Shipped model or description to train")->capture_default_str();
         app.add_option("--from,--tune_from", o->from, "Weights file or run folder to begin with");
         app.add_option("--data,--train-list", o->data, "List of clips to train on: lines `path label`")->required();
         app.add_option("--val,--val-list", o->val, "List of clips to choose the best epoch by");
         app.add_option("--out", o->out, "Run folder: checkpoints, logs, configuration");
         app.add_option("--config", o->config, "Recipe: JSON with `stages`; options come on top");
         app.add_option("--frames,--num_segments", o->frames, "Frames per clip; 0: what the model is for")
             ->check(CLI::Range(0, 256));
         app.add_option("--size", o->size, "Columns and rows; 0: what the model is for")->check(CLI::Range(0, 2048));
         app.add_option("--classes", o->classes, "Classes; 0: as many as the data has")->check(CLI::Range(0, 100000));
         add_choice(app, *o, "--crop", "crop", "evaluation: resized to 4:3 and cut; whole: resized to a square");
         add_choice(app, *o, "--selection", "selection",
                    "hard: the navigation selects frames; soft: its probabilities weigh all of them");
         add_choice(app, *o, "--fusion", "fusion", "dynamic: learned weights of both branches; addition");
         add_choice(app, *o, "--branches", "branches", "both, or the focal one alone");
         app.add_option("--seed", o->seed, "Of weights, order, noise and variation")->capture_default_str();
         app.add_flag("--augment", o->augment, "The authors' multi-scale crop");
         app.add_option("--flip", o->flip,
                        "Mirror half of the clips: random; swap-labels: and exchange left and right in their classes; "
                        "none; auto: random with --augment, unless classes have a direction")
             ->check(CLI::IsMember(flip_policy_names()))
             ->capture_default_str();
         app.add_option("--least-frames", o->least_frames, "Leave out clips of fewer frames by the list")
             ->check(CLI::Range(int64_t(0), int64_t(1000000)))
             ->capture_default_str();
         app.add_option("--resume", o->resume, "auto: go on with the run in --out, where there is one")
             ->check(CLI::IsMember({"auto", "never"}))
             ->capture_default_str();
         app.add_option("--save-every", o->save_every, "Epochs between checkpoints that are kept; 0: only last and best")
             ->check(CLI::Range(0, 1000000));
         app.add_option("--keep", o->keep, "How many of those are kept; 0: all")->check(CLI::Range(0, 1000000));
         app.add_option("--bad-steps", o->bad_steps, "Steps in a row without finite loss or gradient that end the run")
             ->check(CLI::Range(1, 1000000))
             ->capture_default_str();
         app.add_flag("--strict", o->strict, "A clip that cannot be read ends the run");
         app.add_option("--readers,--workers,-j", o->readers, "Threads that decode")->check(CLI::Range(1, 64))->capture_default_str();
         app.add_option("--queue", o->queue, "Batches that are decoded ahead")->check(CLI::Range(1, 64))->capture_default_str();
         app.add_option("--cache", o->cache_mib, "MiB of decoded frames to keep for later epochs")
             ->check(CLI::Range(0, 1 << 20))
             ->capture_default_str();
         app.add_flag("--print-config", o->print_config, "Print the resolved configuration and end");
         app.add_flag("--print-memory", o->print_memory, "Print what a step of each stage holds in memory, and end");
         add_stage_options(app, *o);
         app.footer("Example: afnet train --model af_tiny_tsm --data clips/list.txt --val held-out/list.txt --rt 0.5 --out run");
         return [o, &context] { return train(*o, context); };
     }}};

}  // namespace

}  // namespace afnet
