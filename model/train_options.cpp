#include "model/train_options.h"

#include <algorithm>

#include "model/description.h"
#include "model/flip_policy.h"
#include "runtime/file_io.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

// An option that sets a field of every stage. `spellings`: CLI11's, the authors' among them.
template <class Value>
void add_field(CommandLine &app, TrainOptions &o, const std::string &spellings, const char *field, const char *help) {
    app.add_option_function<Value>(spellings, [&o, field](const Value &value) { o.stage[field] = value; }, help);
}

// An option that sets a field of the model description.
void add_choice(CommandLine &app, TrainOptions &o, const std::string &spelling, const std::string &field,
                const char *help) {
    const auto &all = description_choices();
    const auto choice = std::find_if(all.begin(), all.end(), [&](const DescriptionChoice &c) { return c.field == field; });
    app.add_option_function<std::string>(
           spelling, [&o, field](const std::string &word) { o.choices[field] = word; },
           std::string(help) + "; default: the model's")
        .one_of(choice->words);
}

// Two things go by this name: what the model's masks say, and who makes them.
void add_masks(CommandLine &app, TrainOptions &o) {
    const auto &all = description_choices();
    const auto is_masks = [](const DescriptionChoice &choice) { return std::string(choice.field) == "masks"; };
    const auto kinds = std::find_if(all.begin(), all.end(), is_masks);
    app.add_option_function<std::vector<std::string>>(
           "--masks",
           [&o, kinds](const std::vector<std::string> &words) {
               for (const std::string &word : words) {
                   if (std::count(kinds->words.begin(), kinds->words.end(), word) > 0) {
                       o.choices["masks"] = word;
                   } else {
                       o.stage["masks"] = word;
                   }
               }
           },
           "temporal, spatial or both: focal blocks select frames, patches, or patches of frames; default: the "
           "model's. "
           "And: learned; all: everything; or masks in the navigation's stead: random, random-same, centre, none; of "
           "frames also uniform, normal, first; of patches also blob, crop")
        .expected(1, 2);
    add_field<std::string>(app, o, "--masks-of", "masks_of",
                           "What masks in the navigation's stead choose: frames, patches or both; auto: patches where "
                           "the model has masks in space, else frames");
}

void add_stage_options(CommandLine &app, TrainOptions &o) {
    add_field<int>(app, o, "--epochs", "epochs", "Epochs of a stage");
    add_field<int64_t>(app, o, "--steps", "steps", "Steps of a stage, instead of epochs");
    add_field<int>(app, o, "--batch,-b,--batch-size", "batch", "Clips of a step");
    add_field<int>(app, o, "--micro-batch", "micro_batch",
                   "Clips whose gradient is computed at one time; 0: the largest divisor of --batch up to 8");
    add_field<double>(app, o, "--lr,--learning-rate", "lr", "Learning rate");
    add_field<std::string>(app, o, "--lr-type,--lr_type", "lr_type", "step, cosine or constant");
    add_field<std::vector<int>>(app, o, "--lr-steps,--lr_steps", "lr_steps", "Epochs at which the rate falls to a tenth");
    add_field<double>(app, o, "--warm-up", "warm_up", "Fraction of a stage over which the rate rises");
    add_field<double>(app, o, "--rt", "rt", "Ratio of frames that focal blocks are to select");
    add_field<std::string>(app, o, "--rt-type", "rt_type", "step (epochs) or linear (fractions)");
    add_field<double>(app, o, "--rt-begin,--rt_begin", "rt_begin", "Where the ratio begins to fall from 1");
    add_field<double>(app, o, "--rt-end,--rt_end", "rt_end", "Where it is at --rt");
    add_field<double>(app, o, "--rs", "rs", "Ratio of patches of these frames that focal blocks are to select");
    add_field<std::string>(app, o, "--rs-type", "rs_type", "step (epochs) or linear (fractions)");
    add_field<double>(app, o, "--rs-begin,--rs_begin", "rs_begin", "Where the ratio of patches begins to fall from 1");
    add_field<double>(app, o, "--rs-end,--rs_end", "rs_end", "Where it is at --rs");
    add_field<double>(app, o, "--t0", "t0", "Temperature at the beginning");
    add_field<double>(app, o, "--t1", "t1", "Temperature at the end");
    add_field<std::string>(app, o, "--t-type", "t_type", "exponential, cosine or linear");
    add_field<double>(app, o, "--t-end,--t_end", "t_end", "Epochs, or below 1 fraction, at which it is at --t1");
    add_field<double>(app, o, "--lambda-rt,--lambda_rt", "lambda_rt", "Weight of the ratio's term in the loss");
    add_field<double>(app, o, "--lambda-rs,--lambda_rs", "lambda_rs", "Weight of the term of the ratio of patches");
    add_field<double>(app, o, "--weight-decay,--wd", "weight_decay", "Weight decay");
    add_field<double>(app, o, "--momentum", "momentum", "Momentum of SGD");
    add_field<bool>(app, o, "--nesterov", "nesterov", "Nesterov's momentum (true, false)");
    add_field<double>(app, o, "--clip-gradient,--gd", "clip_gradient", "Largest norm of the gradient; 0: any");
    add_field<double>(app, o, "--dropout,--do", "dropout", "Dropout in front of the classifier");
    add_field<double>(app, o, "--ema", "ema", "Decay of moving averages of the weights, which are then the result; 0: none");
    add_field<std::string>(app, o, "--groups", "groups", "authors or plain: factors of rate and decay");
    add_field<std::vector<std::string>>(app, o, "--optimizer", "optimizers", "PATTERN=adam:lr=RATE and the like");
    add_field<std::string>(app, o, "--unselected", "unselected",
                           "masked: unselected frames or pixels are computed from zeroes; sparse: they are not computed");
    add_field<std::vector<std::string>>(app, o, "--freeze", "freeze", "Patterns of parameters that stay as they are");
    add_field<std::vector<std::string>>(app, o, "--thaw", "thaw", "Patterns of parameters that are trained all the same");
    add_field<std::vector<std::string>>(app, o, "--reset", "reset", "Patterns of parameters that begin anew");
    add_field<bool>(app, o, "--partial-bn", "partial_bn", "Frozen BatchNorms use running statistics (true, false)");
    app.add_flag_callback("--npb", [&o] { o.stage["partial_bn"] = false; }, "The authors' spelling of --partial-bn false");
    add_field<double>(app, o, "--drop-bias", "drop_bias", "Where gates begin: bias of dropping a frame");
    add_field<double>(app, o, "--keep-bias", "keep_bias", "Where gates begin: bias of keeping a frame");
}

}  // namespace

void add_train_options(CommandLine &app, TrainOptions &o) {
    app.add_option("-m,--model,--arch", o.model, "Shipped model or description to train").capture_default_str();
    app.add_option("--from,--tune_from", o.from, "Weights file or run folder to begin with");
    app.add_option("--data,--train-list", o.data, "List of clips to train on: lines `path label`").required();
    app.add_option("--val,--val-list", o.val, "List of clips to choose the best epoch by");
    app.add_option("--out", o.out, "Run folder: checkpoints, logs, configuration");
    app.add_option("--config", o.config, "Recipe: JSON with `stages`; options come on top");
    app.add_option("--frames,--num_segments", o.frames, "Frames per clip; 0: what the model is for")
        .range(0, 256);
    app.add_option("--size", o.size, "Columns and rows; 0: what the model is for").range(0, 2048);
    app.add_option("--classes", o.classes, "Classes; 0: as many as the data has").range(0, 100000);
    add_choice(app, o, "--crop", "crop", "evaluation: resized to 4:3 and cut; whole: resized to a square");
    add_choice(app, o, "--selection", "selection",
               "hard: the navigation selects frames; soft: its probabilities weigh all of them");
    add_choice(app, o, "--fusion", "fusion", "dynamic: learned weights of both branches; addition");
    add_choice(app, o, "--branches", "branches", "both, or the focal one alone");
    add_masks(app, o);
    add_choice(app, o, "--temporal-masks", "temporal_masks",
               "per-block: each focal block's own navigation selects its frames; shared: the first block's, for all");
    app.add_option("--grid", o.grid, "Patches across and down a frame; 0: the model's").range(0, 64);
    app.add_option("--seed", o.seed, "Of weights, order, noise and variation").capture_default_str();
    app.add_flag("--augment", o.augment, "The authors' multi-scale crop");
    app.add_option("--flip", o.flip,
                   "Mirror half of the clips: random; swap-labels: and exchange left and right in their classes; "
                   "none; auto: random with --augment, unless classes have a direction")
        .one_of(flip_policy_names())
        .capture_default_str();
    app.add_option("--least-frames", o.least_frames, "Leave out clips of fewer frames by the list")
        .range(int64_t(0), int64_t(1000000))
        .capture_default_str();
    app.add_option("--resume", o.resume, "auto: go on with the run in --out, where there is one")
        .one_of({"auto", "never"})
        .capture_default_str();
    app.add_option("--save-every", o.save_every, "Epochs between checkpoints that are kept; 0: only last and best")
        .range(0, 1000000);
    app.add_option("--keep", o.keep, "How many of those are kept; 0: all").range(0, 1000000);
    app.add_option("--bad-steps", o.bad_steps, "Steps in a row without finite loss or gradient that end the run")
        .range(1, 1000000)
        .capture_default_str();
    app.add_flag("--strict", o.strict, "A clip that cannot be read ends the run");
    app.add_option("--readers,--workers,-j", o.readers, "Threads that decode").range(1, 64).capture_default_str();
    app.add_option("--queue", o.queue, "Batches that are decoded ahead").range(1, 64).capture_default_str();
    app.add_option("--cache", o.cache_mib, "MiB of decoded frames to keep for later epochs")
        .range(0, 1 << 20)
        .capture_default_str();
    app.add_flag("--print-config", o.print_config, "Print the resolved configuration and end");
    app.add_flag("--print-memory", o.print_memory, "Print what a step of each stage holds in memory, and end");
    add_stage_options(app, o);
}

TrainingRecipe resolved_recipe(const TrainOptions &o) {
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

}  // namespace afnet
