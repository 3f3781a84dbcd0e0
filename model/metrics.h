// Measures of how well classes are told apart and frames chosen, as plain functions of scores and truth.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace afnet {

/// What a class's score among others is worth.
struct ScoredClip {
    int label = 0;
    std::vector<float> scores; // by class; the larger, the likelier
};

/// The class with the largest score; of equal ones the first.
int best_class(const std::vector<float> &scores);

/// How many classes come before `label`: those of larger scores, and those of equal ones with smaller numbers.
int classes_before(const std::vector<float> &scores, int label);

/// The part of clips, 0 to 1, whose class is one of the `k` best. None where there are no clips.
std::optional<double> top_accuracy(const std::vector<ScoredClip> &clips, int k);

/// Clips by their class (row) and by what they were taken for (column): classes x classes, row after row.
std::vector<size_t> confusion_matrix(const std::vector<ScoredClip> &clips, int classes);

/// What a confusion matrix says of one class.
struct ClassFigures {
    size_t clips = 0;     // of this class
    size_t predicted = 0; // taken for it
    size_t correct = 0;
    std::optional<double> average_precision; // where it has clips
    std::optional<double> recall() const;    // the class's accuracy
    std::optional<double> precision() const;
};
std::vector<ClassFigures> class_figures(const std::vector<ScoredClip> &clips, int classes);

/// Means over the classes that have clips: of recall, and of average precision (mAP).
std::optional<double> mean_class_accuracy(const std::vector<ClassFigures> &figures);
std::optional<double> mean_average_precision(const std::vector<ClassFigures> &figures);

/// A score, and whether it belongs to what is sought.
struct Ranked {
    double score = 0;
    bool positive = false;
};

/// Sum over distinct scores, from the largest down, of precision times the gain in recall: equal scores count as one
/// step, so that their order does not matter. None where nothing is sought.
std::optional<double> average_precision(std::vector<Ranked> ranked);

/// The probability that one that is sought has a larger score than one that is not, ties half (Mann and Whitney): the
/// area under the ROC curve. None where one kind is missing.
std::optional<double> area_under_curve(std::vector<Ranked> ranked);

/// The middle one, or the mean of the middle two. None where there are none.
std::optional<double> median_if_any(std::vector<double> values);

/// Coefficients c of the polynomial c0 + c1 x + ... of degree `degree` that comes closest to the points in the sense of
/// least squares; of a smaller degree where there are fewer points than coefficients. Empty where there are no points.
std::vector<double> polynomial_fit(const std::vector<double> &x, const std::vector<double> &y, int degree);
double polynomial_value(const std::vector<double> &coefficients, double x);

} // namespace afnet
