// Batches in micro-batches: that ranks share them out, that sums do not depend on who has what, and that a step is the
// mean of its micro-batches' gradients.
#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "model/divided_step.h"
#include "model/recipe.h"
#include "runtime/error.h"
#include "tests/thread_group.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Contains;

namespace {

constexpr int kVectors = 12;

// Of sizes that make the order of a sum matter; the first has a zero of each sign.
std::vector<std::vector<float>> vectors_of(size_t elements) {
    std::mt19937 random(3);
    std::vector<std::vector<float>> vectors(kVectors, std::vector<float>(elements));
    for (auto &vector : vectors) {
        for (float &value : vector)
            value = std::ldexp(float(random()) / 4294967296.0f - 0.5f, int(random() % 30));
    }
    for (auto &vector : vectors)
        vector[0] = -0.0f;
    return vectors;
}

bool same_bits(const float *a, const std::vector<float> &b) {
    return std::memcmp(a, b.data(), b.size() * sizeof(float)) == 0;
}

} // namespace

TEST_CASE("a sum over ranks has the bits of one in order", "[divided_step]") {
    for (size_t elements : {1, 2, 7, 64, 1001}) {
        const auto vectors = vectors_of(elements);
        std::vector<float> expected = vectors[0], backwards = vectors[kVectors - 1];
        for (size_t k = 1; k < kVectors; k++) {
            for (size_t i = 0; i < elements; i++)
                expected[i] += vectors[k][i];
        }
        for (size_t k = kVectors - 1; k-- > 0;) {
            for (size_t i = 0; i < elements; i++)
                backwards[i] += vectors[k][i];
        }
        if (elements > 7) CHECK_FALSE(same_bits(backwards.data(), expected)); // the order matters here
        for (int ranks : {1, 2, 3, 4, 6, 12}) {
            INFO(elements << " elements, " << ranks << " ranks");
            std::atomic<int> right{0};
            ThreadGroups(ranks).run([&](ProcessGroup &group) {
                OrderedSum sum(group, elements);
                for (int turn = 0; turn < 2; turn++) { // the second sum knows nothing of the first
                    sum.begin();
                    for (int round = 0; round < kVectors / ranks; round++) {
                        const auto &own = vectors[size_t(round * ranks + group.rank())];
                        std::copy(own.begin(), own.end(), sum.values());
                        sum.add();
                    }
                    sum.finish();
                    right += same_bits(sum.values(), expected);
                }
            });
            CHECK(right == 2 * ranks);
        }
    }
}

TEST_CASE("micro-batches are shared out in turn", "[divided_step]") {
    const auto alone = single_process();
    for (const auto &[batch, usual] : std::map<int, int>{{1, 1}, {8, 8}, {11, 1}, {12, 6}, {16, 8}, {18, 6}, {64, 8}})
        CHECK(divide_batch(batch, 0, *alone).micro_batch == usual);
    CHECK(divide_batch(16, 4, *alone).own_micro_batches() == 4);
    CHECK_THROWS_WITH(divide_batch(16, 5, *alone), Contains("cannot be cut into micro-batches of 5"));
    std::atomic<int> clips{0}, refused{0};
    ThreadGroups(3).run([&](ProcessGroup &group) {
        const BatchDivision division = divide_batch(12, 2, group);
        for (int i = 0; i < division.own_micro_batches(); i++) {
            for (int clip = 0; clip < 2; clip++)
                clips += 1 << (2 * (division.first_clip(i) + clip));
        }
        try {
            divide_batch(16, 4, group);
        } catch (const Error &error) {
            refused += Contains("3 processes cannot share out evenly").match(error.what());
        }
    });
    CHECK(clips == 0x555555); // each of twelve once
    CHECK(refused == 3);
}

TEST_CASE("ranks agree", "[divided_step]") {
    std::atomic<int> some{0}, none{0}, sums{0}, differing{0};
    ThreadGroups(4).run([&](ProcessGroup &group) {
        some += group.any(group.rank() == 2);
        none += group.any(false);
        sums += group.sums({1.0, double(group.rank())}) == std::vector<double>{4, 6};
        group.check_same("one", "unseen");
        try {
            group.check_same(group.rank() == 3 ? "another" : "one", "is different");
        } catch (const Error &error) {
            differing += Contains("rank 3 of 4: is different").match(error.what());
        }
    });
    CHECK(some == 4);
    CHECK(none == 0);
    CHECK(sums == 4);
    CHECK(differing == 1);
}

namespace {

constexpr int kClips = 2, kParts = 3, kFrames = 3, kSide = 32;

// af_tiny_tsm on a batch of made-up clips, `parts` micro-batches of kClips clips in the network at one time.
struct Training {
    explicit Training(int parts = 1, const TrainingChoices &choices = {}, const char *masks = "temporal")
        : kernels(AFNET_TRAINING_KERNELS, target_named("x86-64-avx2")),
          network(
              description(masks), shape(parts), choices, [](const ParameterInfo &) { return UpdateRule(); }, kernels) {
        network.load(recipe_weights(4));
    }
    static ModelDescription description(const char *masks) {
        ModelDescription description = shipped_model("af_tiny_tsm");
        description.classes = 5;
        description.frames = kFrames;
        set_choice(description, "masks", masks);
        return description;
    }
    static RunShape shape(int parts) {
        RunShape shape;
        shape.frames = kFrames;
        shape.clips = kClips * parts;
        shape.width = shape.height = kSide;
        return shape;
    }
    // As many micro-batches as there is room for, from number `first` on.
    void load(int first) {
        const int parts = network.shape().clips / kClips;
        const size_t blocks = network.training().selections.size();
        const size_t patches = network.training().patches.size();
        const int grid = network.description().grid, patch_words = 2 * grid * grid * kClips * kFrames;
        std::vector<std::vector<double>> noise(blocks), patch_noise(patches);
        for (int part = 0; part < parts; part++) {
            std::mt19937 random(7 + unsigned(first + part));
            const auto uniform = [&] { return float(random()) / 4294967296.0f; };
            std::vector<float> pixels(size_t(3 * kSide * kSide));
            for (int f = 0; f < kClips * kFrames; f++) {
                for (float &pixel : pixels)
                    pixel = 2 * uniform() - 1;
                if (first + part == 1 && f == 0) pixels[0] += float(bad);
                network.set_frame(part * kClips * kFrames + f, pixels.data());
            }
            for (int clip = 0; clip < kClips; clip++)
                network.set_label(part * kClips + clip, ((first + part) * kClips + clip) % 5);
            for (std::vector<double> &values : noise) {
                for (int i = 0; i < 2 * kClips * kFrames; i++)
                    values.push_back(0.01 + 0.98 * double(uniform()));
            }
            for (std::vector<double> &values : patch_noise) {
                for (int i = 0; i < patch_words; i++)
                    values.push_back(0.01 + 0.98 * double(uniform()));
            }
        }
        for (size_t block = 0; block < blocks; block++)
            network.set_noise(block, noise[block]);
        for (size_t block = 0; block < patches; block++)
            network.set_patch_noise(block, patch_noise[block]);
    }
    std::map<std::string, std::vector<double>> gradients() {
        std::map<std::string, std::vector<double>> result;
        for (const TrainedParameter &parameter : network.training().parameters) {
            result[parameter.info.key] = network.gradient(parameter);
        }
        return result;
    }

    KernelStore kernels;
    TrainingNetwork network;
    double bad = 0; // added to a pixel of micro-batch 1
};

} // namespace

TEST_CASE("a step in micro-batches is their mean", "[divided_training]") {
    StepSettings settings;
    settings.ratio_weight = 0; // the ratio is not a micro-batch's: the next test
    settings.clip_norm = 0;
    const auto alone = single_process();
    Training divided;
    const auto before = divided.network.state_dict();
    DividedStep step(divided.network, *alone, divide_batch(kParts * kClips, kClips, *alone));
    const StepResult whole = step.run(settings, [&](int part) { divided.load(part); });
    REQUIRE(whole.finite);
    CHECK(whole.predictions.size() == kParts * kClips);

    std::map<std::string, std::vector<double>> means, statistics;
    double loss = 0, squares = 0;
    for (int part = 0; part < kParts; part++) {
        Training single;
        single.load(part);
        loss += single.network.pass(settings).loss / kParts;
        for (const auto &[key, values] : single.gradients()) {
            means[key].resize(values.size());
            for (size_t i = 0; i < values.size(); i++)
                means[key][i] += values[i] / kParts;
        }
        for (const auto &[key, values] : single.network.state_dict()) {
            if (key.find(".running_") == std::string::npos) continue;
            statistics[key].resize(values.size());
            for (size_t i = 0; i < values.size(); i++)
                statistics[key][i] += double(values[i]) / kParts;
        }
    }
    CHECK(whole.loss == Approx(loss));
    const auto gradients = divided.gradients();
    const auto after = divided.network.state_dict();
    double largest = 0;
    for (const auto &[key, values] : means) {
        for (double value : values) {
            squares += value * value;
            largest = std::max(largest, std::abs(value));
        }
    }
    for (const auto &[key, values] : means) {
        INFO(key);
        for (size_t i = 0; i < values.size(); i++) {
            CHECK(gradients.at(key)[i] == Approx(values[i]).margin(1e-6 * largest));
            // The first step of SGD with momentum.
            const double decayed = values[i] + settings.decay * double(before.at(key)[i]);
            CHECK(double(after.at(key)[i]) ==
                  Approx(double(before.at(key)[i]) - settings.rate * decayed).margin(1e-6 * largest));
        }
    }
    CHECK(whole.gradient_norm == Approx(std::sqrt(squares)));
    for (const auto &[key, values] : statistics) {
        INFO(key);
        CHECK(after.at(key) != before.at(key));
        for (size_t i = 0; i < values.size(); i++)
            CHECK(double(after.at(key)[i]) == Approx(values[i]).margin(1e-6));
    }
    CHECK(divided.network.steps() == 1);
}

TEST_CASE("the ratios of what masks select are the whole batch's", "[divided_training]") {
    const char *masks = GENERATE("temporal", "spatial", "both");
    INFO(masks);
    // With given statistics nothing but the ratio's term depends on which clips share a pass.
    TrainingChoices choices;
    choices.frozen_norm = [](const std::string &) { return true; };
    StepSettings settings;
    settings.target_ratio = 0.25;
    settings.ratio_weight = 40;
    settings.target_patch_ratio = 0.3;
    settings.patch_ratio_weight = 30;
    settings.clip_norm = 0;
    Training together(kParts, choices, masks);
    together.load(0);
    const StepResult expected = together.network.pass(settings);
    const auto gradients = together.gradients();
    double largest = 0;
    for (const auto &[key, values] : gradients) {
        for (double value : values)
            largest = std::max(largest, std::abs(value));
    }
    std::atomic<int> right{0}, wrong{0};
    for (int ranks : {1, 3}) {
        ThreadGroups(ranks).run([&](ProcessGroup &group) {
            Training divided(1, choices, masks);
            DividedStep step(divided.network, group, divide_batch(kParts * kClips, kClips, group));
            const BatchDivision division = divide_batch(kParts * kClips, kClips, group);
            const StepResult whole =
                step.run(settings, [&](int part) { divided.load(division.first_clip(part) / kClips); });
            bool same = whole.realised_ratios.size() == expected.realised_ratios.size() &&
                        whole.loss == Approx(expected.loss) && whole.ratio_error == Approx(expected.ratio_error) &&
                        whole.patch_ratio_error == Approx(expected.patch_ratio_error) &&
                        whole.realised_patch_ratios.size() == expected.realised_patch_ratios.size() &&
                        whole.gradient_norm == Approx(expected.gradient_norm);
            for (const auto &[key, values] : divided.gradients()) {
                for (size_t i = 0; i < values.size(); i++)
                    same &= std::abs(values[i] - gradients.at(key)[i]) <= 1e-5 * largest;
            }
            (same ? right : wrong)++;
        });
    }
    CHECK(right == 4);
    CHECK(wrong == 0);
}

TEST_CASE("one micro-batch that is not finite spoils the step, and nothing else", "[divided_training]") {
    const auto alone = single_process();
    Training training;
    training.bad = std::nan("");
    const auto before = training.network.state_dict();
    DividedStep step(training.network, *alone, divide_batch(kParts * kClips, kClips, *alone));
    CHECK_FALSE(step.run({}, [&](int part) { training.load(part); }).finite);
    CHECK(training.network.state_dict() == before);
    CHECK(training.network.steps() == 0);
    training.bad = 0;
    CHECK(step.run({}, [&](int part) { training.load(part); }).finite);
}
