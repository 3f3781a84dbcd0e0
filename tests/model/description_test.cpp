// Descriptions as JSON: what is written is read again, and files from before a field was there read as they did.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "model/description.h"
#include "runtime/error.h"

using namespace afnet;
using Json = nlohmann::json;

TEST_CASE("a description without a crop has that of evaluation, and is written without", "[description]") {
    const ModelDescription &shipped = shipped_model("af_resnet50");
    CHECK(shipped.crop == Crop::Evaluation);
    const std::string text = description_text(shipped);
    CHECK_FALSE(Json::parse(text).contains("crop"));
    CHECK(parse_description(text, "here").crop == Crop::Evaluation);
    Json named = Json::parse(text);
    named["crop"] = "evaluation";
    CHECK(description_text(parse_description(named.dump(), "here")) == text);
}

TEST_CASE("a crop of the whole frame is kept", "[description]") {
    ModelDescription description = shipped_model("af_resnet50");
    description.crop = Crop::Whole;
    const std::string text = description_text(description);
    CHECK(Json::parse(text).at("crop") == "whole");
    const ModelDescription again = parse_description(text, "here");
    CHECK(again.crop == Crop::Whole);
    CHECK(description_text(again) == text);
}

TEST_CASE("an unknown crop is refused", "[description]") {
    for (const Json &crop : {Json("middle"), Json(1), Json(nullptr), Json("")}) {
        Json json = Json::parse(description_text(shipped_model("af_resnet50")));
        json["crop"] = crop;
        INFO(json.at("crop").dump());
        CHECK_THROWS_WITH(parse_description(json.dump(), "here"), Catch::Contains("here") && Catch::Contains("/crop"));
    }
    Json other = Json::parse(description_text(shipped_model("af_resnet50")));
    other["corp"] = "whole";
    CHECK_THROWS_AS(parse_description(other.dump(), "here"), Error);
    CHECK(crop_named("whole") == Crop::Whole);
    CHECK_THROWS_AS(crop_named("half"), UsageError);
}
