// The files of an evaluation that --out keeps.
#include "model/confusion_picture.h"
#include "model/evaluation_report.h"
#include "model/svg_plot.h"
#include "model/text_table.h"
#include "runtime/media_switches.h"
#include "runtime/png_writer.h"

namespace afnet {

namespace {

constexpr int kFitDegree = 3; // as the paper's figure 5
constexpr int kFitSteps = 10; // points of a curve between two blocks

std::string csv_part(const std::optional<double> &part) {
    return part ? decimal(*part, 6) : "";
}

PlotSeries fitted_curve(const std::vector<double> &ratios, int colour) {
    std::vector<double> depth;
    for (size_t block = 0; block < ratios.size(); ++block)
        depth.push_back(double(block));
    const std::vector<double> fit = polynomial_fit(depth, ratios, kFitDegree);
    PlotSeries series{"", {}, PlotMark::Dashes, colour};
    const int points = int(ratios.size() - 1) * kFitSteps;
    for (int i = 0; i <= points; ++i) {
        const double x = double(i) / kFitSteps;
        series.points.push_back({x, polynomial_value(fit, x), ""});
    }
    return series;
}

// Where a block selects no frame in any clip, none of its patches is computed.
std::vector<double> known_ratios(const std::vector<std::optional<double>> &ratios) {
    std::vector<double> known;
    for (const auto &ratio : ratios)
        known.push_back(ratio.value_or(0));
    return known;
}

void write_plot(const OutputFolder &folder, const std::string &name, const std::string &plot) {
    if (!plot.empty()) folder.write(name, plot);
}

} // namespace

std::string classes_csv(const EvaluationReport &report, size_t which) {
    std::string text = "class,name,clips,predicted,correct,accuracy,precision,average_precision\n";
    for (size_t k = 0; k < report.classes.size(); ++k) {
        const ClassFigures &f = report.summaries[which].classes[k];
        text += std::to_string(k) + "," + csv_field(report.classes[k]) + "," + std::to_string(f.clips) + "," +
                std::to_string(f.predicted) + "," + std::to_string(f.correct) + "," + csv_part(f.recall()) + "," +
                csv_part(f.precision()) + "," + csv_part(f.average_precision) + "\n";
    }
    return text;
}

std::string confusion_csv(const EvaluationReport &report, size_t which) {
    const size_t classes = report.classes.size();
    const auto matrix = confusion_matrix(scored_clips(report.evaluation->cases[which].clips), int(classes));
    std::string text = "class";
    for (const std::string &name : report.classes)
        text += "," + csv_field(name);
    text += "\n";
    for (size_t row = 0; row < classes; ++row) {
        text += csv_field(report.classes[row]);
        for (size_t column = 0; column < classes; ++column)
            text += "," + std::to_string(matrix[row * classes + column]);
        text += "\n";
    }
    return text;
}

std::string block_ratio_plot(const EvaluationReport &report, MaskTarget of) {
    const bool patches = of == MaskTarget::Patches;
    LinePlot plot;
    plot.title = std::string("Realised ") + (patches ? "RS" : "RT") + " by focal block, " + report.description.name;
    plot.x.label = "focal block, from the first";
    plot.y.label = patches ? "part of these frames' patches computed" : "part of frames computed";
    plot.y.least = 0;
    plot.y.most = 1;
    int colour = 0;
    for (size_t i = 0; i < report.summaries.size(); ++i) {
        const MaskRatios &realised = report.summaries[i].ratios;
        const std::vector<double> ratios = patches ? known_ratios(realised.block_patches) : realised.block_frames;
        if (!navigates(report.evaluation->cases[i].what.policy) || ratios.empty()) continue;
        PlotSeries dots{case_name(report.evaluation->cases[i].what), {}, PlotMark::Dots, colour};
        for (size_t block = 0; block < ratios.size(); ++block) {
            dots.points.push_back(
                {double(block), ratios[block], report.evaluation->blocks[block] + ": " + decimal(ratios[block], 3)});
        }
        plot.series.push_back(std::move(dots));
        plot.series.push_back(fitted_curve(ratios, colour++));
    }
    return plot.series.empty() ? "" : svg_file(svg_plot(plot));
}

void write_evaluation(const EvaluationReport &report, const OutputFolder &folder) {
    const size_t classes = report.classes.size();
    for (size_t i = 0; i < report.summaries.size(); ++i) {
        const CaseOutcome &outcome = report.evaluation->cases[i];
        const std::string name = case_name(outcome.what);
        folder.write("classes." + name + ".csv", classes_csv(report, i));
        if (classes > kMostConfusionClasses) continue;
        folder.write("confusion." + name + ".csv", confusion_csv(report, i));
        if (!AFNET_WITH_IMAGES) continue;
        const auto matrix = confusion_matrix(scored_clips(outcome.clips), int(classes));
        folder.write("confusion." + name + ".png",
                     encode_png(confusion_picture(matrix, report.classes, report.description.name + ", " + name)));
    }
    if (report.description.temporal())
        write_plot(folder, "realised_rt.svg", block_ratio_plot(report, MaskTarget::Frames));
    if (report.description.spatial())
        write_plot(folder, "realised_rs.svg", block_ratio_plot(report, MaskTarget::Patches));
    folder.write("predictions.jsonl", predictions_jsonl(report));
    folder.write("summary.jsonl", evaluation_json(report));
}

} // namespace afnet
