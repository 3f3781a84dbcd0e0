// Descriptions as JSON: what is written is read again, and files from before a field was there read as they did.
#include <catch2/catch.hpp>

#include "model/description.h"
#include "runtime/error.h"
#include "runtime/json.h"

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
    ModelDescription set = shipped_model("af_resnet50");
    set_choice(set, "crop", "whole");
    CHECK(set.crop == Crop::Whole);
    CHECK_THROWS_WITH(set_choice(set, "crop", "half"), Catch::Contains("'half'; evaluation, whole expected"));
    CHECK_THROWS_AS(set_choice(set, "corp", "whole"), UsageError);
}

TEST_CASE("what blocks a ResNet is made of is part of a description, and no ablation", "[description]") {
    CHECK_FALSE(Json::parse(description_text(shipped_model("af_resnet50"))).contains("block"));
    const ModelDescription &shipped = shipped_model("af_resnet34_tsm");
    const std::string text = description_text(shipped);
    CHECK(Json::parse(text).at("block") == "basic");
    CHECK(parse_description(text, "here").block == Block::Basic);
    CHECK(ablation_text(shipped).empty());
    CHECK(shipped.channels_behind(0) == 64);
    CHECK(shipped.channels_behind(3) == 512);
    ModelDescription mobile = shipped_model("af_mobilenetv3_tsm");
    mobile.block = Block::Basic;
    CHECK_THROWS_WITH(check_description(mobile, "here"), Catch::Contains("block is basic"));
}

TEST_CASE("ablations are part of a description", "[description]") {
    ModelDescription description = shipped_model("af_tiny");
    CHECK(ablation_text(description) == "");
    CHECK_FALSE(Json::parse(description_text(description)).contains("selection"));
    set_choice(description, "selection", "soft");
    set_choice(description, "fusion", "addition");
    CHECK(ablation_text(description) == "selection soft, fusion addition");
    const ModelDescription again = parse_description(description_text(description), "here");
    CHECK(again.soft());
    CHECK(again.fusion == Fusion::Addition);
    CHECK(again.branches == Branches::Both);
    set_choice(description, "branches", "focal");
    CHECK_THROWS_WITH(parse_description(description_text(description), "here"), Catch::Contains("one branch only"));
    ModelDescription plain = shipped_model("resnet50");
    set_choice(plain, "branches", "focal");
    CHECK_THROWS_WITH(check_description(plain, "here"), Catch::Contains("here") && Catch::Contains("no focal blocks"));
}

TEST_CASE("masks in space and their grid are part of a description", "[description]") {
    ModelDescription description = shipped_model("af_resnet50_tsm");
    CHECK(description.masks == MaskKind::Temporal);
    CHECK(description.grid == 7);
    const Json usual = Json::parse(description_text(description));
    CHECK_FALSE((usual.contains("masks") || usual.contains("grid")));
    Json named = usual;
    named["masks"] = "temporal", named["grid"] = 7;
    CHECK(description_text(parse_description(named.dump(), "here")) == description_text(description));

    for (const char *word : {"spatial", "both"}) {
        set_choice(description, "masks", word);
        description.grid = 14;
        CHECK(ablation_text(description) == std::string("masks ") + word + ", grid 14");
        const ModelDescription again = parse_description(description_text(description), "here");
        CHECK(again.masks == description.masks);
        CHECK(again.grid == 14);
        CHECK(again.spatial());
        CHECK(again.temporal() == (std::string(word) == "both"));
    }
    for (const Json &grid : {Json(0), Json(65), Json(7.5), Json("7"), Json(nullptr)}) {
        Json json = Json::parse(description_text(description));
        json["grid"] = grid;
        INFO(grid.dump());
        CHECK_THROWS_WITH(parse_description(json.dump(), "here"), Catch::Contains("here") && Catch::Contains("grid"));
    }
    set_choice(description, "temporal_masks", "shared");
    CHECK(ablation_text(description) == "masks both, temporal_masks shared, grid 14");
    CHECK(parse_description(description_text(description), "here").shares_temporal_mask());
    ModelDescription refused = description;
    refused.masks = MaskKind::Spatial;
    CHECK_THROWS_WITH(check_description(refused, "here"), Catch::Contains("temporal_masks is shared"));
    refused = shipped_model("resnet50"), refused.temporal_masks = TemporalMasks::Shared;
    CHECK_THROWS_WITH(check_description(refused, "here"), Catch::Contains("no focal blocks"));
    refused = description;
    refused.masks = MaskKind::Temporal;
    CHECK_THROWS_WITH(check_description(refused, "here"), Catch::Contains("grid is 14, but masks are temporal"));
    refused = description, refused.frame_choice = FrameChoice::Soft;
    CHECK_THROWS_WITH(check_description(refused, "here"), Catch::Contains("selection hard"));
    refused = shipped_model("af_mobilenetv3_tsm"), refused.masks = MaskKind::Spatial;
    CHECK_THROWS_WITH(check_description(refused, "here"), Catch::Contains("af_resnet networks only"));
}
