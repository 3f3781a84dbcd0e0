// How a network is trained: one stage after the other, each with its own schedules, and what of it is frozen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/mask_policy.h"
#include "model/optimizer.h"
#include "model/training_schedule.h"

namespace afnet {

/// Another algorithm for some parameters.
struct OptimizerChoice {
    std::string keys;  // pattern, `*` for anything
    UpdateRule rule;
};

struct TrainingStage {
    std::string name = "train";
    int epochs = 55;
    int64_t steps = 0;  // instead of epochs, where not 0
    int batch = 16;     // clips
    int micro_batch = 0; // clips whose gradient is computed at one time; 0: the largest divisor of `batch` up to 8
    RateSchedule rate;
    RatioSchedule ratio;
    TemperatureSchedule temperature;
    double ratio_weight = 0.5;  // lambda
    RatioSchedule patch_ratio;  // of masks in space: RS, patches of the frames that are selected
    double patch_ratio_weight = 1;  // its lambda (AFNET_SPEC §11)
    double decay = 5e-4, momentum = 0.9, clip_norm = 20, dropout = 0;
    bool nesterov = false;
    std::string groups = "authors";       // authors: their factors of rate and decay; plain: 1, vectors do not decay
    double average = 0;                   // decay of the moving averages of weights; 0: none are kept
    double gate_decay_from = 0.7;         // of the stage: rates that parameters have of their own then fall to 0
    std::vector<OptimizerChoice> optimizers;
    std::string masks = "learned";        // a MaskPolicy's word: learned; all: everything, no navigation; or one that
                                          // replaces_navigation(): the navigation then stays as it is
    std::string masks_of = "auto";        // what these masks select: a MaskTarget's word; auto: patches where the model
                                          // has masks in space, else frames; with `all` both (model/stage_masks.h)
    std::string unselected = "masked";    // frames, pixels: computed from zeroes; sparse: not computed, either way
    std::vector<std::string> freeze;      // patterns of parameters that stay
    std::vector<std::string> thaw;        // patterns of parameters that `freeze` names and are trained all the same
    std::vector<std::string> reset;       // patterns of parameters that begin anew
    bool partial_norm = false;            // BatchNorms whose parameters are frozen use their running statistics
    double drop_bias = 1, keep_bias = 10; // of gates that begin
    double classifier_deviation = 0.001;

    /// By `freeze` and `thaw`.
    bool trains(const std::string &key) const;
    MaskPolicy policy() const { return mask_policy_named(masks); }
    /// None: auto.
    std::optional<MaskTarget> target() const;
    UpdateRule rule(const ModelDescription &description, const ParameterInfo &parameter) const;
};

struct TrainingRecipe {
    std::vector<TrainingStage> stages = {TrainingStage()};
};

/// `*` stands for any characters.
bool matches_pattern(const std::string &text, const std::string &pattern);

/// From JSON: {"stages": [{...}, ...]} or one stage's fields. Fields that are not given keep `defaults`; one that is not
/// known, or of a wrong kind, is an Error with `where` and, for a name, the nearest that is.
TrainingRecipe parse_recipe(const std::string &json, const std::string &where, const TrainingStage &defaults = {});
/// The whole of it, as JSON that parse_recipe reads.
std::string recipe_text(const TrainingRecipe &recipe);

/// GLOB=ALGORITHM[:lr=RATE][:beta1=B][:beta2=B][:eps=E]. Throws UsageError.
OptimizerChoice parse_optimizer(const std::string &text);

}  // namespace afnet
