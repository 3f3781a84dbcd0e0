// Which classes a mirrored clip shows, and where the authors flip.
#include <catch2/catch.hpp>

#include "model/flip_policy.h"
#include "runtime/error.h"

using namespace afnet;

TEST_CASE("mirrored clips show the class with left and right exchanged", "[augmentation]") {
    const std::vector<std::string> classes = {
        "Pushing [something] from left to right",
        "Holding [something]",
        "pushing [something] from right to left",
        "Swiping Left",
        "Swiping Right",
        "Turning Hand Clockwise",
        "Turning Hand Counterclockwise",
        "Moving leftwards",
        "Bright copyright", // letters inside of words
    };
    CHECK(mirrored_classes(classes) == std::vector<int>{2, 1, 0, 4, 3, 6, 5, -1, 8});
    CHECK(says_direction(classes));
    CHECK_FALSE(says_direction({"Holding [something]", "Bright copyright", ""}));
    CHECK(mirrored_classes({}).empty());
}

TEST_CASE("flips are automatic where the authors flip", "[augmentation]") {
    const std::vector<std::string> plain = {"surfing", "juggling"};
    CHECK(automatic_flip(true, "lists/mini_train_videofolder.txt", plain) == FlipPolicy::Random);
    CHECK(automatic_flip(true, "lists/list.txt", {}) == FlipPolicy::Random);
    CHECK(automatic_flip(false, "lists/list.txt", plain) == FlipPolicy::None);
    CHECK(automatic_flip(true, "data/Something_v1/train.txt", plain) == FlipPolicy::None);
    CHECK(automatic_flip(true, "jester/train.txt", plain) == FlipPolicy::None);
    CHECK(automatic_flip(true, "lists/list.txt", {"turning left"}) == FlipPolicy::None);
    for (const std::string &name : flip_policy_names())
        CHECK(flip_policy_name(flip_policy_named(name)) == name);
    CHECK_THROWS_AS(flip_policy_named("half"), UsageError);
}
