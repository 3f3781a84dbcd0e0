// The report as text and JSON; evaluation_files.cpp has the files.
#include "model/evaluation_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/text_table.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostClassesInText = 32;

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

std::string cases_text(const EvaluationReport &report) {
    const bool keys = any(report, [](const EvaluationSummary &s) { return s.selection.keep_key.has_value(); });
    const bool reversed = any(report, [](const EvaluationSummary &s) { return s.reversed_own.has_value(); });
    const bool pairs = any(report, [](const EvaluationSummary &s) { return s.reversed_partner.has_value(); });
    std::vector<std::string> titles = {"masks", "RT wanted", "seed", "top-1 %", "top-5 %", "class %", "mAP %", "RT"};
    std::string alignment = "lrrrrrrr";
    const auto add = [&](bool wanted, const std::vector<std::string> &more) {
        if (!wanted) return;
        titles.insert(titles.end(), more.begin(), more.end());
        alignment += std::string(more.size(), 'r');
    };
    add(keys, {"AUC", "by place", "key", "others"});
    add(reversed, {"reversed: own %"});
    add(pairs, {"partner %"});
    add(true, {"MMACs", "ms"});
    TextTable table(titles, alignment);
    for (size_t i = 0; i < report.summaries.size(); ++i) {
        const EvaluationCase &what = report.evaluation->cases[i].what;
        const EvaluationSummary &s = report.summaries[i];
        std::vector<std::string> row = {mask_policy_name(what.policy),
                                        what.rt ? decimal(*what.rt, 3) : "-",
                                        draws(what.policy) ? std::to_string(what.seed) : "-",
                                        percent(s.top1),
                                        percent(s.top5),
                                        percent(s.mean_class),
                                        percent(s.map),
                                        decimal(s.realised_rt, 3)};
        if (keys) {
            const SelectionFigures &f = s.selection;
            row.insert(row.end(),
                       {number(f.auc), number(f.auc_position_median), number(f.keep_key), number(f.keep_other)});
        }
        if (reversed) row.push_back(percent(s.reversed_own));
        if (pairs) row.push_back(percent(s.reversed_partner));
        row.insert(row.end(), {decimal(s.macs * 1e-6, 1), decimal(s.ms_per_clip, 2)});
        table.add(row);
    }
    return table.text();
}

std::string blocks_text(const EvaluationReport &report) {
    std::vector<std::string> titles = {"focal block"};
    std::string alignment = "l";
    std::vector<size_t> shown;
    for (size_t i = 0; i < report.summaries.size(); ++i) {
        const EvaluationCase &what = report.evaluation->cases[i].what;
        if (!navigates(what.policy)) continue;
        shown.push_back(i);
        titles.insert(titles.end(), {mask_policy_name(what.policy) + " RT", "AUC"});
        alignment += "rr";
    }
    if (shown.empty() || report.evaluation->blocks.empty()) return "";
    TextTable table(titles, alignment);
    for (size_t block = 0; block < report.evaluation->blocks.size(); ++block) {
        std::vector<std::string> row = {report.evaluation->blocks[block]};
        for (const size_t i : shown) {
            const EvaluationSummary &s = report.summaries[i];
            row.push_back(s.block_rt.empty() ? "-" : decimal(s.block_rt[block], 3));
            row.push_back(s.selection.auc_per_block.empty() ? "-" : number(s.selection.auc_per_block[block]));
        }
        table.add(row);
    }
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

Json case_json(const EvaluationReport &report, size_t which) {
    const EvaluationCase &what = report.evaluation->cases[which].what;
    const EvaluationSummary &s = report.summaries[which];
    const RunShape &shape = report.evaluation->shape;
    Json line = {{"model", report.model}, {"data", report.data}, {"masks", mask_policy_name(what.policy)}};
    line["rt"] = json_of(what.rt);
    line["seed"] = draws(what.policy) ? Json(what.seed) : Json();
    line["clips"] = s.clips;
    line["unreadable"] = report.evaluation->faults.size();
    line["frames"] = shape.frames;
    line["size"] = shape.width;
    line["top1"] = json_of(s.top1, 100);
    line["top5"] = json_of(s.top5, 100);
    line["mean_class"] = json_of(s.mean_class, 100);
    line["map"] = json_of(s.map, 100);
    line["realised_rt"] = s.realised_rt;
    line["block_rt"] = Json::object();
    for (size_t block = 0; block < s.block_rt.size(); ++block)
        line["block_rt"][report.evaluation->blocks[block]] = s.block_rt[block];
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
    if (takes_ratio(what.policy)) {
        std::string ratio = decimal(what.rt.value_or(1), 4);
        ratio.erase(std::max(ratio.find_last_not_of('0'), ratio.find('.') + 1) + 1);
        name += ".rt" + ratio;
    }
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
            Json line = {{"path", report.clips[clip.sample].name}, {"masks", mask_policy_name(outcome.what.policy)}};
            line["rt"] = json_of(outcome.what.rt);
            line["seed"] = draws(outcome.what.policy) ? Json(outcome.what.seed) : Json();
            line["label"] = clip.label;
            line["predicted"] = best;
            line["prob"] = scores[size_t(best)];
            line["label_prob"] = scores[size_t(clip.label)];
            line["label_rank"] = classes_before(scores, clip.label) + 1;
            line["selected"] = clip.result.masks;
            line["keep"] = clip.result.keep;
            line["key_frames"] = clip.keys ? Json(*clip.keys) : Json();
            line["reversed"] = clip.reversed ? Json(*clip.reversed) : Json();
            text += json_text(line) + "\n";
        }
    }
    return text;
}

} // namespace afnet
