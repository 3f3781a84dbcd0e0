// An evaluation as text, JSON and files.
#pragma once

#include <string>
#include <vector>

#include "model/evaluation_summary.h"
#include "model/output_folder.h"

namespace afnet {

/// What all reports need.
struct EvaluationReport {
    std::string model, data; // as the user named them
    ModelDescription description;
    std::vector<std::string> classes; // their names, as many as the model tells
    std::vector<ListedClip> clips;
    const Evaluation *evaluation = nullptr;
    std::vector<EvaluationSummary> summaries; // one for each of its cases
};

/// The case in a word that is fit for a file's name, e.g. `random-same.rt0.25.seed1`.
std::string case_name(const EvaluationCase &what);

/// Tables for people.
std::string evaluation_text(const EvaluationReport &report);

/// One line of JSON for each case (docs/formats.md).
std::string evaluation_json(const EvaluationReport &report);

/// `classes.<case>.csv`: a line for each class. `confusion.<case>.csv`: a matrix with names.
std::string classes_csv(const EvaluationReport &report, size_t which);
std::string confusion_csv(const EvaluationReport &report, size_t which);

/// One line of JSON for each case and clip.
std::string predictions_jsonl(const EvaluationReport &report);

/// Realised RT, or RS of `Patches`, by focal block with a polynomial of third degree, as the paper's figure 5: an SVG
/// file of what the navigation chose, with and without noise. Empty where no case is of that kind.
std::string block_ratio_plot(const EvaluationReport &report, MaskTarget of);

/// All of these files, and pictures of the confusion matrices where this build can write them. Matrices of more classes
/// than `kMostConfusionClasses` are left out. Throws Error as OutputFolder does.
constexpr size_t kMostConfusionClasses = 2000;
void write_evaluation(const EvaluationReport &report, const OutputFolder &folder);

} // namespace afnet
