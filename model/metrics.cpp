#include "model/metrics.h"

#include <algorithm>
#include <numeric>

namespace afnet {

namespace {

// Calls `take(positives, negatives)` for each distinct score, from the largest down.
template <class Take> void for_each_score(std::vector<Ranked> &ranked, const Take &take) {
    std::sort(ranked.begin(), ranked.end(), [](const Ranked &a, const Ranked &b) { return a.score > b.score; });
    for (size_t begin = 0, end; begin < ranked.size(); begin = end) {
        size_t positives = 0;
        for (end = begin; end < ranked.size() && ranked[end].score == ranked[begin].score; ++end)
            positives += ranked[end].positive;
        take(positives, end - begin - positives);
    }
}

size_t count_positives(const std::vector<Ranked> &ranked) {
    return size_t(std::count_if(ranked.begin(), ranked.end(), [](const Ranked &each) { return each.positive; }));
}

std::optional<double> ratio(size_t part, size_t whole) {
    if (whole == 0) return std::nullopt;
    return double(part) / double(whole);
}

template <class Measure>
std::optional<double> mean_over_classes(const std::vector<ClassFigures> &figures, const Measure &measure) {
    double sum = 0;
    size_t classes = 0;
    for (const ClassFigures &each : figures) {
        const std::optional<double> value = measure(each);
        if (!value) continue;
        sum += *value;
        ++classes;
    }
    if (classes == 0) return std::nullopt;
    return sum / double(classes);
}

} // namespace

int best_class(const std::vector<float> &scores) {
    return int(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

int classes_before(const std::vector<float> &scores, int label) {
    int before = 0;
    for (int other = 0; other < int(scores.size()); ++other) {
        const float own = scores[size_t(label)], its = scores[size_t(other)];
        before += its > own || (its == own && other < label);
    }
    return before;
}

std::optional<double> top_accuracy(const std::vector<ScoredClip> &clips, int k) {
    const auto right = std::count_if(clips.begin(), clips.end(), [&](const ScoredClip &clip) {
        return classes_before(clip.scores, clip.label) < k;
    });
    return ratio(size_t(right), clips.size());
}

std::vector<size_t> confusion_matrix(const std::vector<ScoredClip> &clips, int classes) {
    std::vector<size_t> matrix(size_t(classes) * size_t(classes));
    for (const ScoredClip &clip : clips)
        matrix[size_t(clip.label) * size_t(classes) + size_t(best_class(clip.scores))]++;
    return matrix;
}

std::optional<double> ClassFigures::recall() const {
    return ratio(correct, clips);
}

std::optional<double> ClassFigures::precision() const {
    return ratio(correct, predicted);
}

std::vector<ClassFigures> class_figures(const std::vector<ScoredClip> &clips, int classes) {
    std::vector<ClassFigures> figures(static_cast<size_t>(classes));
    for (const ScoredClip &clip : clips) {
        const int best = best_class(clip.scores);
        figures[size_t(clip.label)].clips++;
        figures[size_t(best)].predicted++;
        figures[size_t(best)].correct += best == clip.label;
    }
    for (size_t k = 0; k < figures.size(); ++k) {
        if (figures[k].clips == 0) continue;
        std::vector<Ranked> ranked;
        for (const ScoredClip &clip : clips)
            ranked.push_back({clip.scores[k], clip.label == int(k)});
        figures[k].average_precision = average_precision(std::move(ranked));
    }
    return figures;
}

std::optional<double> mean_class_accuracy(const std::vector<ClassFigures> &figures) {
    return mean_over_classes(figures, [](const ClassFigures &each) { return each.recall(); });
}

std::optional<double> mean_average_precision(const std::vector<ClassFigures> &figures) {
    return mean_over_classes(figures, [](const ClassFigures &each) { return each.average_precision; });
}

std::optional<double> average_precision(std::vector<Ranked> ranked) {
    const size_t all = count_positives(ranked);
    if (all == 0) return std::nullopt;
    double sum = 0;
    size_t found = 0, seen = 0;
    for_each_score(ranked, [&](size_t positives, size_t negatives) {
        found += positives;
        seen += positives + negatives;
        sum += double(positives) * double(found) / double(seen);
    });
    return sum / double(all);
}

std::optional<double> area_under_curve(std::vector<Ranked> ranked) {
    const size_t positives = count_positives(ranked), negatives = ranked.size() - positives;
    if (positives == 0 || negatives == 0) return std::nullopt;
    double pairs = 0;
    size_t negatives_above = 0;
    for_each_score(ranked, [&](size_t here, size_t others) {
        const size_t below = negatives - negatives_above - others;
        pairs += double(here) * (double(below) + 0.5 * double(others));
        negatives_above += others;
    });
    return pairs / (double(positives) * double(negatives));
}

std::optional<double> median_if_any(std::vector<double> values) {
    if (values.empty()) return std::nullopt;
    std::sort(values.begin(), values.end());
    const size_t middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

} // namespace afnet
