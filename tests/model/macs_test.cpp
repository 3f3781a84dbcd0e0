// Multiply-accumulates against figures that were counted elsewhere: the released counter's output at 24 points, the
// closed forms and the table of AFNET_SPEC §9 and App. A.
#include "model/macs.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "model/description.h"
#include "model/lowering.h"
#include "runtime/text.h"

using namespace afnet;

namespace {

std::vector<LayerMacs> layers(const std::string &model, int frames, int size, int classes = 174) {
    ModelDescription d = shipped_model(model);
    d.frames = frames;
    d.classes = classes;
    RunShape shape;
    shape.frames = frames;
    shape.width = shape.height = size;
    return layer_macs(d, shape);
}

MacTotals official(const std::string &model, int frames, int size) {
    return total_macs(layers(model, frames, size), &LayerMacs::official);
}

int64_t learnable(const std::string &model, int classes) {
    ModelDescription d = shipped_model(model);
    d.classes = classes;
    return learnable_parameters(lower(d, RunShape()).parameters);
}

/// A video's count with no frame selected and with all of them.
struct Measured {
    const char *model;
    int frames, size;
    int64_t none, all;
};

const Measured kMeasured[] = {
    {"af_resnet50", 4, 224, 7376012416, 11563500672},
    {"af_resnet50", 8, 128, 4840562176, 7575248384},
    {"af_resnet50", 8, 160, 7543688704, 11816635904},
    {"af_resnet50", 8, 192, 10847510016, 17000553984},
    {"af_resnet50", 8, 224, 14752026112, 23127002624},
    {"af_resnet50", 8, 256, 19257236992, 30195981824},
    {"af_resnet50", 12, 224, 22128041088, 34690505856},
    {"af_resnet101", 4, 224, 8306535616, 19918466240},
    {"af_resnet101", 8, 128, 5448333056, 13031634688},
    {"af_resnet101", 8, 160, 8493262592, 20342171392},
    {"af_resnet101", 8, 192, 12214843136, 29277271808},
    {"af_resnet101", 8, 224, 16613074688, 39836935936},
    {"af_resnet101", 8, 256, 21687957248, 52021163776},
    {"af_resnet101", 12, 224, 24919617216, 59755409088},
    {"af_mobilenetv3_tsm", 4, 224, 696022432, 773772448},
    {"af_mobilenetv3_tsm", 8, 128, 470508096, 521337408},
    {"af_mobilenetv3_tsm", 8, 160, 721836480, 801212352},
    {"af_mobilenetv3_tsm", 8, 192, 1029015616, 1143281728},
    {"af_mobilenetv3_tsm", 8, 224, 1392045504, 1547545536},
    {"af_mobilenetv3_tsm", 8, 256, 1810926144, 2014003776},
    {"af_mobilenetv3_tsm", 12, 224, 2088069216, 2321319264},
};

/// A row of App. A: AF-ResNet-50 at 224 x 224 with T = 12, in 1e6 per frame, shown with four decimals.
struct Row {
    const char *layer;
    int repeats;  // how many blocks from this one on have the same figures
    bool gated;
    double conv, official;
};

// clang-format off
const Row kRows[] = {
    {"conv1", 1, false, 118.0140, 118.0140},
    {"maxpool", 1, false, 0.0000, 1.8063},
    {"layer1.list_gen.0.pool", 1, false, 0.0000, 0.2007},
    {"layer1.list_gen.0.conv_pool", 1, false, 0.0001, 0.0001},
    {"layer1.list_gen.0.conv_gs", 1, false, 0.0000, 0.0000},
    {"layer1.base_module.0.downsample.pool", 1, false, 0.0000, 0.4516},
    {"layer1.base_module.0.downsample.conv", 1, false, 6.4225, 6.4225},
    {"layer1.base_module.0.conv1", 1, false, 6.4225, 6.4225},
    {"layer1.base_module.0.conv2", 1, false, 7.2253, 7.2253},
    {"layer1.base_module.0.conv3", 1, false, 3.2113, 3.2113},
    {"layer1.refine_module.0.downsample.conv", 1, false, 51.3802, 51.3802},
    {"layer1.refine_module.0.conv1", 1, true, 6.4225, 6.4225},
    {"layer1.refine_module.0.conv2", 1, true, 57.8028, 57.8028},
    {"layer1.refine_module.0.conv3", 1, true, 25.6901, 25.6901},
    {"layer1.list_gen.1.pool", 1, false, 0.0000, 0.1004},
    {"layer1.list_gen.1.conv_pool", 1, false, 0.0003, 0.0003},
    {"layer1.list_gen.1.conv_gs", 1, false, 0.0000, 0.0000},
    {"layer1.base_module.1.conv1", 1, false, 3.2113, 3.2113},
    {"layer1.base_module.1.conv2", 1, false, 7.2253, 7.2253},
    {"layer1.base_module.1.conv3", 1, false, 3.2113, 3.2113},
    {"layer1.refine_module.1.conv1", 1, true, 25.6901, 25.6901},
    {"layer1.refine_module.1.conv2", 1, true, 57.8028, 57.8028},
    {"layer1.refine_module.1.conv3", 1, true, 25.6901, 25.6901},
    {"layer1.base_transform", 1, false, 25.6901, 25.6901},
    {"layer1.att_gen", 1, false, 0.0082, 0.8113},
    {"layer1.fusion.0.downsample.pool", 1, false, 0.0000, 1.8063},
    {"layer1.fusion.0.conv1", 1, false, 51.3802, 51.3802},
    {"layer1.fusion.0.conv2", 1, false, 28.9014, 28.9014},
    {"layer1.fusion.0.conv3", 1, false, 12.8451, 12.8451},
    {"layer2.list_gen.0.pool", 1, false, 0.0000, 0.2007},
    {"layer2.list_gen.0.conv_pool", 1, false, 0.0005, 0.0005},
    {"layer2.list_gen.0.conv_gs", 1, false, 0.0000, 0.0000},
    {"layer2.base_module.0.downsample.pool", 1, false, 0.0000, 0.4516},
    {"layer2.base_module.0.conv1", 1, false, 12.8451, 12.8451},
    {"layer2.base_module.0.conv2", 1, false, 7.2253, 7.2253},
    {"layer2.base_module.0.conv3", 1, false, 3.2113, 3.2113},
    {"layer2.refine_module.0.downsample.conv", 1, false, 102.7604, 102.7604},
    {"layer2.refine_module.0.conv1", 1, true, 12.8451, 12.8451},
    {"layer2.refine_module.0.conv2", 1, true, 57.8028, 57.8028},
    {"layer2.refine_module.0.conv3", 1, true, 25.6901, 25.6901},
    {"layer2.list_gen.1.pool", 2, false, 0.0000, 0.0502},
    {"layer2.list_gen.1.conv_pool", 2, false, 0.0005, 0.0005},
    {"layer2.list_gen.1.conv_gs", 2, false, 0.0000, 0.0000},
    {"layer2.base_module.1.conv1", 2, false, 3.2113, 3.2113},
    {"layer2.base_module.1.conv2", 2, false, 7.2253, 7.2253},
    {"layer2.base_module.1.conv3", 2, false, 3.2113, 3.2113},
    {"layer2.refine_module.1.conv1", 2, true, 25.6901, 25.6901},
    {"layer2.refine_module.1.conv2", 2, true, 57.8028, 57.8028},
    {"layer2.refine_module.1.conv3", 2, true, 25.6901, 25.6901},
    {"layer2.base_transform", 1, false, 25.6901, 25.6901},
    {"layer2.att_gen", 1, false, 0.0328, 0.4347},
    {"layer2.fusion.0.downsample.pool", 1, false, 0.0000, 0.9032},
    {"layer2.fusion.0.conv1", 1, false, 51.3802, 51.3802},
    {"layer2.fusion.0.conv2", 1, false, 28.9014, 28.9014},
    {"layer2.fusion.0.conv3", 1, false, 12.8451, 12.8451},
    {"layer3.list_gen.0.pool", 1, false, 0.0000, 0.1004},
    {"layer3.list_gen.0.conv_pool", 1, false, 0.0010, 0.0010},
    {"layer3.list_gen.0.conv_gs", 1, false, 0.0000, 0.0000},
    {"layer3.base_module.0.downsample.pool", 1, false, 0.0000, 0.2258},
    {"layer3.base_module.0.conv1", 1, false, 12.8451, 12.8451},
    {"layer3.base_module.0.conv2", 1, false, 7.2253, 7.2253},
    {"layer3.base_module.0.conv3", 1, false, 3.2113, 3.2113},
    {"layer3.refine_module.0.downsample.conv", 1, false, 102.7604, 102.7604},
    {"layer3.refine_module.0.conv1", 1, true, 12.8451, 12.8451},
    {"layer3.refine_module.0.conv2", 1, true, 57.8028, 57.8028},
    {"layer3.refine_module.0.conv3", 1, true, 25.6901, 25.6901},
    {"layer3.list_gen.1.pool", 4, false, 0.0000, 0.0251},
    {"layer3.list_gen.1.conv_pool", 4, false, 0.0010, 0.0010},
    {"layer3.list_gen.1.conv_gs", 4, false, 0.0000, 0.0000},
    {"layer3.base_module.1.conv1", 4, false, 3.2113, 3.2113},
    {"layer3.base_module.1.conv2", 4, false, 7.2253, 7.2253},
    {"layer3.base_module.1.conv3", 4, false, 3.2113, 3.2113},
    {"layer3.refine_module.1.conv1", 4, true, 25.6901, 25.6901},
    {"layer3.refine_module.1.conv2", 4, true, 57.8028, 57.8028},
    {"layer3.refine_module.1.conv3", 4, true, 25.6901, 25.6901},
    {"layer3.base_transform", 1, false, 25.6901, 25.6901},
    {"layer3.att_gen", 1, false, 0.1311, 0.3328},
    {"layer3.fusion.0.conv1", 1, false, 51.3802, 51.3802},
    {"layer3.fusion.0.conv2", 1, false, 115.6055, 115.6055},
    {"layer3.fusion.0.conv3", 1, false, 51.3802, 51.3802},
    {"layer4.0.downsample.pool", 1, false, 0.0000, 0.4516},
    {"layer4.0.downsample.conv", 1, false, 102.7604, 102.7604},
    {"layer4.0.conv1", 1, false, 102.7604, 102.7604},
    {"layer4.0.conv2", 1, false, 115.6055, 115.6055},
    {"layer4.0.conv3", 1, false, 51.3802, 51.3802},
    {"layer4.1.conv1", 2, false, 51.3802, 51.3802},
    {"layer4.1.conv2", 2, false, 115.6055, 115.6055},
    {"layer4.1.conv3", 2, false, 51.3802, 51.3802},
    {"gappool", 1, false, 0.0000, 0.1004},
    {"fc", 1, false, 0.3564, 4.1943},
};
// clang-format on

bool shown_as(int64_t macs, double millions) {
    return std::abs(double(macs) / 1e6 - millions) <= 0.50001e-4;
}

// `layer2.list_gen.1.pool` -> `layer2.list_gen.3.pool`, for by = 2
std::string later_block(std::string layer, int by) {
    const size_t digit = layer.find('1', layer.find('.'));
    layer[digit] = char(layer[digit] + by);
    return layer;
}

}  // namespace

TEST_CASE("macs: the released counter's figures, to the last unit", "[macs]") {
    for (const Measured &m : kMeasured) {
        INFO(m.model << " T " << m.frames << " size " << m.size);
        const MacTotals totals = official(m.model, m.frames, m.size);
        CHECK(m.frames * totals.dense == m.none);
        CHECK(m.frames * (totals.dense + totals.gated) == m.all);
    }
    // ImageNet: one frame, and the classifier as it is, because it has no wrapper.
    const std::pair<const char *, int64_t> images[] = {
        {"af_resnet50", 2888728744}, {"af_resnet101", 4977469932}, {"af_mobilenetv3_tsm", 194500332}};
    for (const auto &[model, expected] : images) {
        int64_t sum = 0;
        for (const LayerMacs &layer : layers(model, 1, 224, 1000)) {
            sum += layer.layer == "fc" ? layer.conv : layer.official;
        }
        CHECK(sum == expected);
    }
}

TEST_CASE("macs: the closed forms of AFNET_SPEC 9", "[macs]") {
    struct Form {
        const char *model;
        int64_t dense, gated, fixed, per_frame, fixed_gated;
    };
    const Form forms[] = {{"af_resnet50", 1839627776, 1046872064, 4375168, 40, 0},
                          {"af_resnet101", 2072243712, 2902982656, 4389760, 108, 0},
                          {"af_mobilenetv3_tsm", 171042928, 19427520, 2962600, 20, 9984}};
    for (const Form &f : forms) {
        for (const int frames : {4, 8, 12}) {
            for (const int size : {128, 160, 192, 224, 256}) {
                INFO(f.model << " T " << frames << " size " << size);
                const int64_t scale = int64_t(size / 32) * (size / 32);  // (R / 224)^2 = scale / 49
                const MacTotals totals = official(f.model, frames, size);
                CHECK(totals.dense * 49 == f.dense * scale + 49 * (f.fixed + f.per_frame * frames));
                CHECK(totals.gated * 49 == f.gated * scale + 49 * f.fixed_gated);
            }
        }
    }
    CHECK(MacTotals{100, 50}.at(0.5) == 125);
}

TEST_CASE("macs: convolutions and linears only", "[macs]") {
    const std::tuple<const char *, int64_t, int64_t> expected[] = {{"af_resnet50", 1831758760, 1046872064},
                                                                   {"af_resnet101", 2063787244, 2902982656},
                                                                   {"af_mobilenetv3_tsm", 173499828, 19288128}};
    for (const auto &[model, dense, gated] : expected) {
        for (const int frames : {8, 12}) {
            const MacTotals totals = total_macs(layers(model, frames, 224), &LayerMacs::conv);
            CHECK(totals.dense == dense);
            CHECK(totals.gated == gated);
        }
    }
    // The published 32.7 G of 8 frames, in either column.
    for (const auto column : {&LayerMacs::conv, &LayerMacs::official}) {
        const MacTotals totals = total_macs(layers("resnet50_tsm", 8, 224, 1000), column);
        CHECK(totals.gated == 0);
        CHECK(totals.dense == 4089184256);
    }
}

// Counted by hand: torchvision's ResNet-34; of AF-ResNet-34 the focal convolutions, half of the plain ones each, but for
// the first ones of layer2 and layer3, which read half as many channels.
TEST_CASE("macs: networks of basic blocks", "[macs]") {
    constexpr int64_t kConvolution = int64_t(56) * 56 * 64 * 64 * 9, kProjection = int64_t(28) * 28 * 64 * 128;
    const MacTotals plain = total_macs(layers("resnet34_tsm", 8, 224, 1000), &LayerMacs::conv);
    CHECK(plain.gated == 0);
    CHECK(plain.dense == int64_t(112) * 112 * 64 * 3 * 49 + (6 + 7 + 11 + 5) * kConvolution + 3 * kConvolution / 2 +
                             3 * kProjection + 512 * 1000);
    CHECK(plain.dense == 3663761408);
    const MacTotals adaptive = total_macs(layers("af_resnet34", 8, 224), &LayerMacs::conv);
    CHECK(adaptive.gated == (4 + 5 + 9) * kConvolution / 2 + 2 * kConvolution / 4);
}

// A plan has the layers of a focal block twice then; they cost once.
TEST_CASE("macs: masks in space add their navigation alone", "[macs]") {
    ModelDescription d = shipped_model("af_resnet50");
    RunShape shape;
    const auto text = [](const LayerMacs &layer) {
        return layer.layer + " " + std::to_string(layer.block) + " " + std::to_string(layer.conv) + " " +
               std::to_string(layer.official);
    };
    std::vector<std::string> temporal, frames_left, both, spatial;
    int navigations = 0;
    for (const LayerMacs &layer : layer_macs(d, shape)) {
        temporal.push_back(text(layer));
        if (!contains(layer.layer, "list_gen")) frames_left.push_back(text(layer));
    }
    d.masks = MaskKind::Both;
    for (const LayerMacs &layer : layer_macs(d, shape)) {
        const bool navigation = contains(layer.layer, ".spatial_navigation");
        navigations += navigation;
        if (!navigation) both.push_back(text(layer));
    }
    d.masks = MaskKind::Spatial;
    for (const LayerMacs &layer : layer_macs(d, shape)) {
        if (!contains(layer.layer, ".spatial_navigation")) spatial.push_back(text(layer));
    }
    CHECK(navigations == 2 + 3 + 5);
    CHECK(both == temporal);
    CHECK(spatial == frames_left);
}

TEST_CASE("macs: a shared temporal mask leaves one navigation, and gates every block", "[macs]") {
    const auto text = [](const LayerMacs &layer) {
        return layer.layer + " " + std::to_string(layer.block) + " " + std::to_string(layer.conv) + " " +
               std::to_string(layer.official);
    };
    for (const char *name : {"af_resnet50", "af_mobilenetv3_tsm"}) {
        ModelDescription d = shipped_model(name);
        std::vector<std::string> expected, shared;
        bool first = true;
        for (const LayerMacs &layer : layer_macs(d, RunShape())) {
            const bool navigation = contains(layer.layer, "list_gen");
            if (!navigation || first) expected.push_back(text(layer));
            if (navigation && ends_with(layer.layer, "conv_gs")) first = false;
        }
        d.temporal_masks = TemporalMasks::Shared;
        for (const LayerMacs &layer : layer_macs(d, RunShape()))
            shared.push_back(text(layer));
        CHECK(shared == expected);
    }
}

TEST_CASE("macs: every layer of AF-ResNet-50", "[macs]") {
    std::map<std::string, LayerMacs> rows;
    const std::vector<LayerMacs> all = layers("af_resnet50", 12, 224);
    for (const LayerMacs &layer : all) rows[layer.layer] = layer;
    size_t expected = 0;
    for (const Row &row : kRows) {
        for (int i = 0; i < row.repeats; i++, expected++) {
            const std::string name = i == 0 ? row.layer : later_block(row.layer, i);
            INFO(name);
            REQUIRE(rows.count(name) == 1);
            const LayerMacs &layer = rows.at(name);
            CHECK(shown_as(layer.conv, row.conv));
            CHECK(shown_as(layer.official, row.official));
            CHECK((layer.block >= 0) == row.gated);
        }
    }
    CHECK(all.size() == expected);
}

TEST_CASE("macs: gated layers name their focal block", "[macs]") {
    const LoweredNetwork network = lower(shipped_model("af_mobilenetv3_tsm"), RunShape());
    size_t gated = 0;
    for (const LayerMacs &layer : layers("af_mobilenetv3_tsm", 12, 224)) {
        if (layer.block < 0) continue;
        gated++;
        CHECK(layer.layer.rfind(network.selections.at(size_t(layer.block)).name + ".", 0) == 0);
    }
    CHECK(gated == 17);  // three convolutions in five blocks, two of which have a gate
}

TEST_CASE("macs: parameters that training learns", "[macs]") {
    CHECK(learnable("af_resnet50", 1000) == 24897440);
    CHECK(learnable("af_resnet50", 174) == 23204966);
    CHECK(learnable("af_resnet101", 1000) == 35893804);
    CHECK(learnable("af_mobilenetv3_tsm", 174) == 4507169);
    CHECK(learnable("resnet50", 1000) == 25557032);
    CHECK(learnable("resnet34", 1000) == 21797672);
}
