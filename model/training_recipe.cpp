#include "model/training_recipe.h"

#include <algorithm>
#include <sstream>

#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/json_text.h"
#include "runtime/nearest_word.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kAutomaticTarget = "auto";

// Every field of a stage by its name in the file: one list serves reading, writing and the names that are known.
template <class Visit>
void for_each_field(TrainingStage &s, Visit visit) {
    visit("name", s.name);
    visit("epochs", s.epochs);
    visit("steps", s.steps);
    visit("batch", s.batch);
    visit("micro_batch", s.micro_batch);
    visit("lr", s.rate.rate);
    visit("lr_type", s.rate.shape);
    visit("lr_steps", s.rate.drops);
    visit("warm_up", s.rate.warm_up);
    visit("rt", s.ratio.ratio);
    visit("rt_type", s.ratio.shape);
    visit("rt_begin", s.ratio.begin);
    visit("rt_end", s.ratio.end);
    visit("rs", s.patch_ratio.ratio);
    visit("rs_type", s.patch_ratio.shape);
    visit("rs_begin", s.patch_ratio.begin);
    visit("rs_end", s.patch_ratio.end);
    visit("t0", s.temperature.first);
    visit("t1", s.temperature.last);
    visit("t_type", s.temperature.shape);
    visit("t_end", s.temperature.end);
    visit("lambda_rt", s.ratio_weight);
    visit("lambda_rs", s.patch_ratio_weight);
    visit("weight_decay", s.decay);
    visit("momentum", s.momentum);
    visit("nesterov", s.nesterov);
    visit("clip_gradient", s.clip_norm);
    visit("dropout", s.dropout);
    visit("ema", s.average);
    visit("groups", s.groups);
    visit("gate_decay_from", s.gate_decay_from);
    visit("masks", s.masks);
    visit("masks_of", s.masks_of);
    visit("unselected", s.unselected);
    visit("freeze", s.freeze);
    visit("thaw", s.thaw);
    visit("reset", s.reset);
    visit("partial_bn", s.partial_norm);
    visit("drop_bias", s.drop_bias);
    visit("keep_bias", s.keep_bias);
    visit("classifier_deviation", s.classifier_deviation);
}

// Words for `masks`.
std::vector<std::string> stage_policies() {
    std::vector<std::string> words = {mask_policy_name(MaskPolicy::Learned), mask_policy_name(MaskPolicy::All)};
    for (const std::string &word : mask_policy_names()) {
        if (replaces_navigation(mask_policy_named(word))) words.push_back(word);
    }
    return words;
}

// Words for `masks_of`.
std::vector<std::string> stage_targets() {
    std::vector<std::string> words = {kAutomaticTarget};
    words.insert(words.end(), mask_target_names().begin(), mask_target_names().end());
    return words;
}

void check(const TrainingStage &stage, const std::string &where) {
    const auto refuse = [&](const std::string &what) { throw Error(where + ": stage " + printable(stage.name) + ": " + what); };
    const auto one_of = [&](const char *field, const std::string &value, std::vector<std::string> known) {
        if (std::count(known.begin(), known.end(), value) == 0) {
            refuse(std::string(field) + " is " + printable(value) + "; one of " + join(known) + " expected");
        }
    };
    const auto in_range = [&](const char *field, double value, double least, double most) {
        if (!(value >= least && value <= most)) {
            std::ostringstream text;
            text << field << " is " << value << "; " << least << " to " << most << " expected";
            refuse(text.str());
        }
    };
    one_of("lr_type", stage.rate.shape, {"step", "cosine", "constant"});
    one_of("rt_type", stage.ratio.shape, {"step", "linear"});
    one_of("rs_type", stage.patch_ratio.shape, {"step", "linear"});
    one_of("t_type", stage.temperature.shape, {"exponential", "cosine", "linear"});
    one_of("groups", stage.groups, {"authors", "plain"});
    one_of("masks", stage.masks, stage_policies());
    one_of("masks_of", stage.masks_of, stage_targets());
    one_of("unselected", stage.unselected, {"masked", "sparse"});
    in_range("epochs", stage.epochs, 1, 1e6);
    in_range("steps", double(stage.steps), 0, 1e9);
    in_range("batch", stage.batch, 1, 1024);
    in_range("micro_batch", stage.micro_batch, 0, stage.batch);
    if (stage.micro_batch > 0 && stage.batch % stage.micro_batch != 0) {
        refuse("micro_batch is " + std::to_string(stage.micro_batch) + "; a divisor of batch, " +
               std::to_string(stage.batch) + ", expected");
    }
    in_range("lr", stage.rate.rate, 0, 1e3);
    in_range("warm_up", stage.rate.warm_up, 0, 1);
    in_range("rt", stage.ratio.ratio, 0, 1);
    in_range("rs", stage.patch_ratio.ratio, 0, 1);
    in_range("t0", stage.temperature.first, 1e-6, 1e6);
    in_range("t1", stage.temperature.last, 1e-6, 1e6);
    in_range("t_end", stage.temperature.end, 0, 1e6);
    in_range("lambda_rt", stage.ratio_weight, 0, 1e6);
    in_range("lambda_rs", stage.patch_ratio_weight, 0, 1e6);
    in_range("weight_decay", stage.decay, 0, 1e3);
    in_range("momentum", stage.momentum, 0, 1);
    in_range("clip_gradient", stage.clip_norm, 0, 1e9);
    in_range("dropout", stage.dropout, 0, 0.999);
    in_range("ema", stage.average, 0, 0.9999999);
    in_range("gate_decay_from", stage.gate_decay_from, 0, 1);
}

Json optimizers_json(const TrainingStage &stage) {
    Json list = Json::array();
    for (const OptimizerChoice &choice : stage.optimizers) {
        std::ostringstream text;
        text << choice.keys << "=" << algorithm_name(choice.rule.algorithm);
        if (choice.rule.rate > 0) text << ":lr=" << choice.rule.rate;
        text << ":beta1=" << choice.rule.beta1 << ":beta2=" << choice.rule.beta2 << ":eps=" << choice.rule.epsilon;
        list.push_back(text.str());
    }
    return list;
}

TrainingStage parse_stage(const Json &json, const std::string &where, const TrainingStage &defaults) {
    TrainingStage stage = defaults;
    if (!json.is_object()) throw Error(where + ": a stage must be an object");
    std::vector<std::string> known = {"optimizers"};
    for_each_field(stage, [&](const char *name, auto &value) {
        known.push_back(name);
        if (!json.contains(name)) return;
        try {
            value = json.at(name).get<std::decay_t<decltype(value)>>();
        } catch (const Json::exception &) {
            throw Error(where + ": `" + name + "` is " + json_text(json.at(name)) + ", which is of the wrong kind");
        }
    });
    for (const auto &[name, value] : json.items()) {
        if (std::count(known.begin(), known.end(), name) == 0) {
            throw Error(where + ": `" + printable(name) + "` is not known; did you mean `" + nearest_word(name, known) + "`?");
        }
    }
    if (json.contains("optimizers")) {
        stage.optimizers.clear();
        try {
            for (const std::string &text : json.at("optimizers").get<std::vector<std::string>>()) {
                stage.optimizers.push_back(parse_optimizer(text));
            }
        } catch (const Json::exception &) {
            throw Error(where + ": `optimizers` must be a list of texts");
        } catch (const UsageError &error) {
            throw Error(where + ": " + error.what());
        }
    }
    check(stage, where);
    return stage;
}

}  // namespace

bool matches_pattern(const std::string &text, const std::string &pattern) {
    // Where the last `*` may take one character more.
    size_t t = 0, p = 0, star = std::string::npos, taken = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            p++;
            t++;
        } else if (star != std::string::npos) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') p++;
    return p == pattern.size();
}

bool TrainingStage::trains(const std::string &key) const {
    const auto named = [&](const std::vector<std::string> &patterns) {
        return std::any_of(patterns.begin(), patterns.end(),
                           [&](const std::string &pattern) { return matches_pattern(key, pattern); });
    };
    return !named(freeze) || named(thaw);
}

std::optional<MaskTarget> TrainingStage::target() const {
    return mask_target_named(masks_of);
}

UpdateRule TrainingStage::rule(const ModelDescription &description, const ParameterInfo &parameter) const {
    UpdateRule result;
    if (groups == "authors") {
        result = authors_rule(description, parameter);
    } else if (parameter.shape.size() == 1) {
        result.decay_factor = 0;
    }
    for (const OptimizerChoice &choice : optimizers) {
        if (!matches_pattern(parameter.key, choice.keys)) continue;
        const double decay_factor = result.decay_factor;
        result = choice.rule;
        result.decay_factor = decay_factor;
    }
    return result;
}

TrainingRecipe parse_recipe(const std::string &text, const std::string &where, const TrainingStage &defaults) {
    Json json;
    try {
        json = Json::parse(text);
    } catch (const Json::exception &error) {
        throw Error(where + ": " + error.what());
    }
    TrainingRecipe recipe;
    if (!json.is_object() || !json.contains("stages")) {
        recipe.stages = {parse_stage(json, where, defaults)};
        return recipe;
    }
    if (json.size() != 1) throw Error(where + ": fields beside `stages` belong into its stages");
    if (!json.at("stages").is_array() || json.at("stages").empty()) throw Error(where + ": `stages` must be a list");
    recipe.stages.clear();
    for (const Json &stage : json.at("stages")) recipe.stages.push_back(parse_stage(stage, where, defaults));
    return recipe;
}

std::string recipe_text(const TrainingRecipe &recipe) {
    Json stages = Json::array();
    for (TrainingStage stage : recipe.stages) {
        Json json;
        for_each_field(stage, [&](const char *name, auto &value) { json[name] = value; });
        json["optimizers"] = optimizers_json(stage);
        stages.push_back(std::move(json));
    }
    return json_text(Json({{"stages", stages}}), 1);
}

OptimizerChoice parse_optimizer(const std::string &text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw UsageError("optimizer '" + text + "': PATTERN=ALGORITHM[:lr=RATE][:beta1=B][:beta2=B][:eps=E] expected");
    }
    OptimizerChoice choice;
    choice.keys = text.substr(0, equals);
    std::stringstream parts(text.substr(equals + 1));
    std::string part;
    std::getline(parts, part, ':');
    choice.rule.algorithm = algorithm_named(part);
    const std::map<std::string, double *> values = {{"lr", &choice.rule.rate},
                                                    {"beta1", &choice.rule.beta1},
                                                    {"beta2", &choice.rule.beta2},
                                                    {"eps", &choice.rule.epsilon}};
    while (std::getline(parts, part, ':')) {
        const size_t at = part.find('=');
        const auto found = values.find(part.substr(0, at));
        char *end = nullptr;
        if (at == std::string::npos || found == values.end()) {
            throw UsageError("optimizer '" + text + "': '" + part + "' is none of lr=, beta1=, beta2=, eps=");
        }
        *found->second = std::strtod(part.c_str() + at + 1, &end);
        if (*end != 0 || end == part.c_str() + at + 1 || !(*found->second >= 0)) {
            throw UsageError("optimizer '" + text + "': '" + part + "' holds no number of 0 or more");
        }
    }
    return choice;
}

}  // namespace afnet
