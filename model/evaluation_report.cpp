// The report as text and JSON; evaluation_files.cpp has the files.
#include "model/evaluation_report.h"

#include <algorithm>

#include "model/patch_masks.h"
#include "model/text_table.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostClassesInText = 32;

// With up to four decimals, at least one.
std::string short_number(double value) {
    std::string text = decimal(value, 4);
    text.erase(std::max(text.find_last_not_of('0'), text.find('.') + 1) + 1);
    return text;
}

std::string percent(const std::optional<double> &part) {
    return part ? decimal(100 * *part, 2) : "-";
}

std::string number(const std::optional<double> &value, int decimals = 3) {
    return value ? decimal(*value, decimals) : "-";
}

bool any(const EvaluationReport &report, bool (*has)(const EvaluationSummary &)) {
    return std::any_of(report.summaries.begin(), report.summaries.end(), has);
}

std::string head_text(const EvaluationReport &report) {
    const RunShape &shape = report.evaluation->shape;
    const size_t clips = report.clips.size() - report.evaluation->faults.size();
    std::string text = one_line(report.model) + " on " + one_line(report.data) + ": " + std::to_string(clips) +
                       " clips, " + std::to_string(report.description.classes) + " classes, " +
                       std::to_string(shape.frames) + " frames of " + std::to_string(shape.width) + " x " +
                       std::to_string(shape.height) + ", " + std::to_string(shape.clips) + " clips at a time\n";
    if (!report.evaluation->faults.empty())
        text += std::to_string(report.evaluation->faults.size()) + " clips could not be read and are left out\n";
    return text;
}

// A table's columns and a row of it, put together side by side.
struct Columns {
    std::vector<std::string> titles, row;
    std::string alignment;
    void add(bool wanted, const std::string &title, const std::string &value) {
        if (!wanted) return;
        titles.push_back(title);
        row.push_back(value);
        alignment += titles.size() == 1 ? 'l' : 'r';
    }
};

Columns case_columns(const EvaluationReport &report, size_t which) {
    const bool frames = report.description.temporal(), patches = report.description.spatial();
    const bool keys = any(report, [](const EvaluationSummary &s) { return s.selection.keep_key.has_value(); });
    const bool key_patches = any(report, [](const EvaluationSummary &s) { return s.patches.recall.has_value(); });
    const bool reversed = any(report, [](const EvaluationSummary &s) { return s.reversed_own.has_value(); });
    const bool pairs = any(report, [](const EvaluationSummary &s) { return s.reversed_partner.has_value(); });
    const EvaluationCase &what = report.evaluation->cases[which].what;
    const EvaluationSummary &s = report.summaries[which];
    const SelectionFigures &f = s.selection;
    Columns columns;
    columns.add(true, "masks", mask_policy_name(what.policy));
    columns.add(frames && patches, "of", mask_target_names()[size_t(what.target)]);
    columns.add(frames, "RT wanted", number(what.rt));
    columns.add(patches, "RS wanted", number(what.rs));
    columns.add(true, "seed", draws(what.policy) ? std::to_string(what.seed) : "-");
    columns.add(true, "top-1 %", percent(s.top1));
    columns.add(true, "top-5 %", percent(s.top5));
    columns.add(true, "class %", percent(s.mean_class));
    columns.add(true, "mAP %", percent(s.map));
    columns.add(frames, "RT", decimal(s.ratios.frames, 3));
    columns.add(patches, "RS", number(s.ratios.patches));
    columns.add(keys, "AUC", number(f.auc));
    columns.add(keys, "by place", number(f.auc_position_median));
    columns.add(keys, "key", number(f.keep_key));
    columns.add(keys, "others", number(f.keep_other));
    columns.add(key_patches, "key patch", number(s.patches.recall));
    columns.add(reversed, "reversed: own %", percent(s.reversed_own));
    columns.add(pairs, "partner %", percent(s.reversed_partner));
    columns.add(true, "MMACs", decimal(s.macs * 1e-6, 1));
    columns.add(true, "ms", decimal(s.ms_per_clip, 2));
    return columns;
}

std::string cases_text(const EvaluationReport &report) {
    const Columns first = case_columns(report, 0);
    TextTable table(first.titles, first.alignment);
    for (size_t i = 0; i < report.summaries.size(); ++i)
        table.add(case_columns(report, i).row);
    return table.text();
}

std::string of_block(const std::vector<std::optional<double>> &values, size_t block) {
    return values.empty() ? "-" : number(values[block]);
}

// Of the cases in which the navigation chooses.
Columns block_columns(const EvaluationReport &report, size_t block) {
    const bool frames = report.description.temporal(), patches = report.description.spatial();
    Columns columns;
    columns.add(true, "focal block", report.evaluation->blocks[block]);
    for (size_t i = 0; i < report.summaries.size(); ++i) {
        const MaskPolicy policy = report.evaluation->cases[i].what.policy;
        if (!navigates(policy)) continue;
        const EvaluationSummary &s = report.summaries[i];
        const std::string name = mask_policy_name(policy);
        columns.add(frames, name + " RT",
                    s.ratios.block_frames.empty() ? "-" : decimal(s.ratios.block_frames[block], 3));
        columns.add(frames, "AUC", of_block(s.selection.auc_per_block, block));
        columns.add(patches, name + " RS", of_block(s.ratios.block_patches, block));
        columns.add(patches, "key patch", of_block(s.patches.per_block, block));
    }
    return columns;
}

std::string blocks_text(const EvaluationReport &report) {
    if (report.evaluation->blocks.empty()) return "";
    const Columns first = block_columns(report, 0);
    if (first.titles.size() == 1) return "";
    TextTable table(first.titles, first.alignment);
    for (size_t block = 0; block < report.evaluation->blocks.size(); ++block)
        table.add(block_columns(report, block).row);
    return "\n" + table.text();
}

std::string classes_text(const EvaluationReport &report) {
    if (report.classes.size() > kMostClassesInText) return "";
    TextTable table({"class of " + case_name(report.evaluation->cases[0].what), "clips", "right", "accuracy %",
                     "precision %", "AP %"},
                    "lrrrrr");
    for (size_t k = 0; k < report.classes.size(); ++k) {
        const ClassFigures &f = report.summaries[0].classes[k];
        table.add({one_line(report.classes[k]), std::to_string(f.clips), std::to_string(f.correct), percent(f.recall()),
                   percent(f.precision()), percent(f.average_precision)});
    }
    return "\n" + table.text();
}

Json json_of(const std::optional<double> &value, double scale = 1) {
    return value ? Json(*value * scale) : Json();
}

Json json_of(const std::vector<std::optional<double>> &values) {
    Json list = Json::array();
    for (const auto &value : values)
        list.push_back(json_of(value));
    return list;
}

Json json_of(const std::vector<KeyPatch> &patches) {
    Json list = Json::array();
    for (const KeyPatch &patch : patches)
        list.push_back({patch.frame, patch.column, patch.row});
    return list;
}

// Block by block, frame by frame.
Json patches_json(const MaskedResult &result) {
    Json list = Json::array();
    for (const std::vector<int> &mask : result.patches)
        list.push_back(patches_by_frame(mask, result.grid));
    return list;
}

void add_case(Json &line, const EvaluationCase &what) {
    line["masks"] = mask_policy_name(what.policy);
    line["masks_of"] = mask_target_names()[size_t(what.target)];
    line["rt"] = json_of(what.rt);
    line["rs"] = json_of(what.rs);
    line["seed"] = draws(what.policy) ? Json(what.seed) : Json();
}

Json case_json(const EvaluationReport &report, size_t which) {
    const EvaluationCase &what = report.evaluation->cases[which].what;
    const EvaluationSummary &s = report.summaries[which];
    const RunShape &shape = report.evaluation->shape;
    Json line = {{"model", report.model}, {"data", report.data}};
    add_case(line, what);
    line["clips"] = s.clips;
    line["unreadable"] = report.evaluation->faults.size();
    line["frames"] = shape.frames;
    line["size"] = shape.width;
    line["top1"] = json_of(s.top1, 100);
    line["top5"] = json_of(s.top5, 100);
    line["mean_class"] = json_of(s.mean_class, 100);
    line["map"] = json_of(s.map, 100);
    line["realised_rt"] = s.ratios.frames;
    line["block_rt"] = Json::object();
    for (size_t block = 0; block < s.ratios.block_frames.size(); ++block)
        line["block_rt"][report.evaluation->blocks[block]] = s.ratios.block_frames[block];
    line["realised_rs"] = json_of(s.ratios.patches);
    line["realised_rs_per_block"] = json_of(s.ratios.block_patches);
    line["patch_recall"] = json_of(s.patches.recall);
    line["patch_recall_per_block"] = json_of(s.patches.per_block);
    line["auc"] = json_of(s.selection.auc);
    line["auc_per_block"] = json_of(s.selection.auc_per_block);
    line["auc_per_position"] = json_of(s.selection.auc_per_position);
    line["auc_position_median"] = json_of(s.selection.auc_position_median);
    line["keep_key"] = json_of(s.selection.keep_key);
    line["keep_other"] = json_of(s.selection.keep_other);
    line["reversed_own"] = json_of(s.reversed_own, 100);
    line["reversed_partner"] = json_of(s.reversed_partner, 100);
    line["macs"] = s.macs;
    line["official_macs"] = s.official_macs;
    line["ms_per_clip"] = s.ms_per_clip;
    return line;
}

} // namespace

std::string case_name(const EvaluationCase &what) {
    std::string name = mask_policy_name(what.policy);
    if (what.rt) name += ".rt" + short_number(*what.rt);
    if (what.rs) name += ".rs" + short_number(*what.rs);
    if (draws(what.policy)) name += ".seed" + std::to_string(what.seed);
    return name;
}

std::string evaluation_text(const EvaluationReport &report) {
    return head_text(report) + "\n" + cases_text(report) + blocks_text(report) + classes_text(report);
}

std::string evaluation_json(const EvaluationReport &report) {
    std::string text;
    for (size_t i = 0; i < report.summaries.size(); ++i)
        text += json_text(case_json(report, i)) + "\n";
    return text;
}

std::string predictions_jsonl(const EvaluationReport &report) {
    std::string text;
    for (const CaseOutcome &outcome : report.evaluation->cases) {
        for (const ClipOutcome &clip : outcome.clips) {
            const auto &scores = clip.result.probabilities;
            const int best = best_class(scores);
            Json line = {{"path", report.clips[clip.sample].name}};
            add_case(line, outcome.what);
            line["label"] = clip.label;
            line["predicted"] = best;
            line["prob"] = scores[size_t(best)];
            line["label_prob"] = scores[size_t(clip.label)];
            line["label_rank"] = classes_before(scores, clip.label) + 1;
            line["selected"] = clip.result.masks;
            line["keep"] = clip.result.keep;
            line["key_frames"] = clip.keys ? Json(*clip.keys) : Json();
            line["patches"] = patches_json(clip.result);
            line["key_patches"] = clip.key_patches ? json_of(clip.key_patches->patches) : Json();
            line["reversed"] = clip.reversed ? Json(*clip.reversed) : Json();
            text += json_text(line) + "\n";
        }
    }
    return text;
}

} // namespace afnet
