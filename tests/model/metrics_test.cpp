// Measures against figures worked out by hand.
#include <catch2/catch.hpp>

#include "model/metrics.h"

using namespace afnet;

namespace {

ScoredClip clip(int label, std::vector<float> scores) {
    return {label, std::move(scores)};
}

// Classes 0 to 2; taken for 0, 0, 1, 2, 1.
std::vector<ScoredClip> five_clips() {
    return {clip(0, {.7f, .2f, .1f}), clip(1, {.5f, .4f, .1f}), clip(1, {.1f, .8f, .1f}), clip(0, {.2f, .1f, .7f}),
            clip(1, {.3f, .6f, .1f})};
}

} // namespace

TEST_CASE("the best class, and the place of another one", "[metrics]") {
    CHECK(best_class({.1f, .5f, .4f}) == 1);
    CHECK(best_class({.4f, .2f, .4f}) == 0);
    CHECK(classes_before({.1f, .5f, .4f}, 1) == 0);
    CHECK(classes_before({.1f, .5f, .4f}, 0) == 2);
    // Equal scores: the smaller number comes first, so that exactly one class is the best.
    CHECK(classes_before({.4f, .2f, .4f}, 0) == 0);
    CHECK(classes_before({.4f, .2f, .4f}, 2) == 1);
}

TEST_CASE("accuracy among the k best", "[metrics]") {
    CHECK(*top_accuracy(five_clips(), 1) == Approx(3.0 / 5));
    CHECK(*top_accuracy(five_clips(), 2) == Approx(5.0 / 5));
    CHECK(*top_accuracy(five_clips(), 5) == Approx(1));
    CHECK_FALSE(top_accuracy({}, 1));
    // A network that says the same of everything is right by the first class alone.
    CHECK(*top_accuracy({clip(0, {1, 1}), clip(1, {1, 1})}, 1) == Approx(.5));
}

TEST_CASE("the confusion matrix and what it says of classes", "[metrics]") {
    CHECK(confusion_matrix(five_clips(), 3) == std::vector<size_t>{1, 0, 1, 1, 2, 0, 0, 0, 0});
    const auto figures = class_figures(five_clips(), 3);
    REQUIRE(figures.size() == 3);
    CHECK(figures[0].clips == 2);
    CHECK(figures[0].predicted == 2);
    CHECK(figures[0].correct == 1);
    CHECK(*figures[0].recall() == Approx(.5));
    CHECK(*figures[1].recall() == Approx(2.0 / 3));
    CHECK(*figures[1].precision() == Approx(1));
    CHECK_FALSE(figures[2].recall());
    CHECK(*figures[2].precision() == Approx(0));
    CHECK_FALSE(figures[2].average_precision);
    // Class 0 by its scores: .7 yes, .5 no, .3 no, .2 yes, .1 no.
    CHECK(*figures[0].average_precision == Approx((1 + 2.0 / 4) / 2));
    CHECK(*figures[1].average_precision == Approx(1));
    // Class 2 has no clips and counts for nothing.
    CHECK(*mean_class_accuracy(figures) == Approx((.5 + 2.0 / 3) / 2));
    CHECK(*mean_average_precision(figures) == Approx((.75 + 1) / 2));
    CHECK_FALSE(mean_class_accuracy(class_figures({}, 3)));
    CHECK_FALSE(mean_average_precision(class_figures({}, 3)));
}

TEST_CASE("average precision", "[metrics]") {
    CHECK(*average_precision({{3, true}, {2, false}, {1, true}}) == Approx((1 + 2.0 / 3) / 2));
    CHECK(*average_precision({{1, true}, {3, false}, {2, false}}) == Approx(1.0 / 3));
    CHECK_FALSE(average_precision({{1, false}}));
    CHECK_FALSE(average_precision({}));
    // All equal: the part of those sought, in whatever order they come.
    CHECK(*average_precision({{1, true}, {1, false}, {1, false}, {1, false}}) == Approx(.25));
    CHECK(*average_precision({{1, false}, {1, false}, {1, false}, {1, true}}) == Approx(.25));
    // A tie in the middle: 1/1, then 2 of 3 for both.
    CHECK(*average_precision({{3, true}, {2, false}, {2, true}, {1, false}}) == Approx((1 + 2.0 / 3) / 2));
}

TEST_CASE("area under the curve", "[metrics]") {
    CHECK(*area_under_curve({{3, true}, {2, true}, {1, false}}) == Approx(1));
    CHECK(*area_under_curve({{1, true}, {2, false}, {3, false}}) == Approx(0));
    CHECK(*area_under_curve({{1, true}, {1, false}, {1, false}}) == Approx(.5));
    // Pairs: (4,3) (4,1) yes, (2,3) no, (2,1) yes.
    CHECK(*area_under_curve({{4, true}, {3, false}, {2, true}, {1, false}}) == Approx(.75));
    // Pairs: (2,2) half, (2,1) yes, (1,2) no, (1,1) half.
    CHECK(*area_under_curve({{2, true}, {2, false}, {1, true}, {1, false}}) == Approx(.5));
    CHECK_FALSE(area_under_curve({{1, true}}));
    CHECK_FALSE(area_under_curve({{1, false}}));
    CHECK_FALSE(area_under_curve({}));
}

TEST_CASE("the median", "[metrics]") {
    CHECK_FALSE(median_if_any({}));
    CHECK(*median_if_any({3}) == 3);
    CHECK(*median_if_any({3, 1, 2}) == 2);
    CHECK(*median_if_any({4, 1, 3, 2}) == 2.5);
}

TEST_CASE("polynomials are fitted by least squares", "[metrics]") {
    std::vector<double> x, y;
    for (int i = 0; i < 6; ++i) {
        x.push_back(i);
        y.push_back(1 - 2.0 * i + .5 * i * i - .25 * i * i * i);
    }
    const auto cubic = polynomial_fit(x, y, 3);
    REQUIRE(cubic.size() == 4);
    for (size_t i = 0; i < x.size(); ++i)
        CHECK(polynomial_value(cubic, x[i]) == Approx(y[i]));
    CHECK(cubic[3] == Approx(-.25));
    // The line through (0, 0), (1, 1), (2, 1) is 1/6 + x/2.
    const auto line = polynomial_fit({0, 1, 2}, {0, 1, 1}, 1);
    REQUIRE(line.size() == 2);
    CHECK(line[0] == Approx(1.0 / 6));
    CHECK(line[1] == Approx(.5));
    // Fewer points than coefficients.
    CHECK(polynomial_fit({2}, {5}, 3).size() == 1);
    CHECK(polynomial_value(polynomial_fit({2}, {5}, 3), 9) == Approx(5));
    CHECK(polynomial_fit({2, 2}, {4, 6}, 3).size() == 1);
    CHECK(polynomial_value(polynomial_fit({2, 2}, {4, 6}, 3), 2) == Approx(5));
    CHECK(polynomial_fit({}, {}, 3).empty());
}
