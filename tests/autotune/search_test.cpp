// Search spaces, strategies and budgets: what is tried, and in which order.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "autotune/budget.h"
#include "autotune/search_strategy.h"
#include "runtime/error.h"

using namespace afnet;

namespace {

const SearchSpace kSpace = {{{"a", {1, 2, 4}}, {"b", {7, 9}}, {"c", {3, 5, 6, 8}}}};

std::vector<Knobs> proposals(SearchStrategy &strategy, size_t most = 1000) {
    std::vector<Knobs> all;
    while (all.size() < most) {
        const auto knobs = strategy.propose();
        if (!knobs) break;
        all.push_back(*knobs);
    }
    return all;
}

std::set<Knobs> every_point() {
    std::set<Knobs> points;
    for (int a : {1, 2, 4}) {
        for (int b : {7, 9}) {
            for (int c : {3, 5, 6, 8})
                points.insert({{"a", a}, {"b", b}, {"c", c}});
        }
    }
    return points;
}

} // namespace

TEST_CASE("a search space is the product of its candidates, each point once", "[tune]") {
    CHECK(SearchSpace().size() == 0);
    REQUIRE(kSpace.size() == 24);
    std::set<Knobs> points;
    for (uint64_t i = 0; i < kSpace.size(); i++)
        points.insert(kSpace.point(i));
    CHECK(points == every_point());
}

TEST_CASE("both strategies propose every point once and then nothing", "[tune]") {
    for (const char *name : {"exhaustive", "random"}) {
        INFO(name);
        const auto strategy = make_strategy(name, kSpace, 3);
        const std::vector<Knobs> all = proposals(*strategy);
        CHECK(all.size() == 24);
        CHECK(std::set<Knobs>(all.begin(), all.end()) == every_point());
        CHECK_FALSE(strategy->propose());
    }
    CHECK_THROWS_AS(make_strategy("nosuch", kSpace, 1), UsageError);
}

TEST_CASE("a random order follows from its seed", "[tune]") {
    const auto order = [](uint64_t seed) { return proposals(*make_strategy("random", kSpace, seed)); };
    CHECK(order(1) == order(1));
    CHECK(order(1) != order(2));
    CHECK(order(1) != proposals(*make_strategy("exhaustive", kSpace, 1)));
    // The same on every machine: a log is resumed elsewhere.
    const Knobs first = order(1).front();
    CHECK(knob_text(first) == "a 2, b 7, c 3");
}

TEST_CASE("a space that no memory could hold is searched at random without repetition", "[tune]") {
    SearchSpace large;
    std::vector<int> values(1000);
    for (int i = 0; i < 1000; i++)
        values[size_t(i)] = i;
    for (const char *knob : {"a", "b", "c", "d", "e", "f"})
        large.candidates[knob] = values;
    const auto strategy = make_strategy("random", large, 1);
    const std::vector<Knobs> some = proposals(*strategy, 500);
    CHECK(std::set<Knobs>(some.begin(), some.end()).size() == 500);
    large.candidates["g"] = values;
    CHECK_THROWS_AS(large.size(), Error); // 10^21 points
}

TEST_CASE("the automatic knobs and the record come first, and not again", "[tune]") {
    const Knobs record = {{"a", 2}, {"b", 7}, {"c", 5}};
    const auto strategy = beginning_with({{}, record, {}}, make_strategy("random", kSpace, 1));
    const std::vector<Knobs> all = proposals(*strategy);
    REQUIRE(all.size() == 25);
    CHECK(all[0].empty());
    CHECK(all[1] == record);
    CHECK(std::count(all.begin(), all.end(), record) == 1);
}

TEST_CASE("budgets are numbers of candidates or times", "[tune]") {
    CHECK(parse_budget("40").candidates == 40);
    CHECK(parse_budget("40").seconds == 0);
    CHECK(parse_budget("90s").seconds == 90);
    CHECK(parse_budget("1.5m").seconds == 90);
    CHECK(parse_budget("2h").seconds == 7200);
    CHECK(parse_budget("2h").candidates == 0);
    for (const char *wrong : {"", "0", "-3", "1.5", "s", "3d", "3 s", "1e3", "inf", "nan", "0x10", "1..5s", "3ss"}) {
        INFO(wrong);
        CHECK_THROWS_AS(parse_budget(wrong), UsageError);
    }
}

TEST_CASE("a space can be restricted to some candidates", "[tune]") {
    const SearchSpace some = restricted(kSpace, {"a=1,4,9", "nosuch=1"});
    CHECK(some.candidates.at("a") == std::vector<int>{1, 4});
    CHECK(some.size() == 16);
    CHECK(restricted(kSpace, {}).size() == 24);
    for (const char *wrong : {"a", "=1", "a=", "a=9", "a=x", "a=1,,2", "a=-1", "a=99999999999"}) {
        INFO(wrong);
        CHECK_THROWS_AS(restricted(kSpace, {wrong}), UsageError);
    }
}

TEST_CASE("a space keeps the knobs that a schedule resolved, with all their candidates", "[tune]") {
    const SearchSpace space{{{"a", {1, 2}}, {"b", {3, 4, 5}}, {"c", {6}}}};
    const SearchSpace kept = with_knobs(space, {{"b", 9}, {"c", 6}, {"other", 1}});
    CHECK(kept.candidates == std::map<std::string, std::vector<int>>{{"b", {3, 4, 5}}, {"c", {6}}});
    CHECK(with_knobs(space, {}).size() == 0);
}

TEST_CASE("knobs that agree with all that a compilation resolved make no other code", "[tune]") {
    KnownCode known;
    CHECK_FALSE(known.covers({{"a", 1}}));
    known.add({{"a", 1}, {"b", 7}});           // a = 1 asks for b only
    known.add({{"a", 2}, {"b", 7}, {"c", 3}}); // a = 2 asks for c as well
    CHECK(known.covers({{"a", 1}, {"b", 7}, {"c", 3}}));
    CHECK(known.covers({{"a", 1}, {"b", 7}, {"c", 5}}));
    CHECK_FALSE(known.covers({{"a", 1}, {"b", 9}, {"c", 5}}));
    CHECK(known.covers({{"a", 2}, {"b", 7}, {"c", 3}}));
    CHECK_FALSE(known.covers({{"a", 2}, {"b", 7}, {"c", 5}}));
    CHECK_FALSE(known.covers({}));
    known.add({}); // a generator that got nowhere
    CHECK_FALSE(known.covers({{"a", 4}, {"b", 7}, {"c", 3}}));
}
