// Checkpoints: every bit comes back, they are weights files too, and what fails changes nothing.
#include "model/training_state.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "model/weights_file.h"
#include "tests/model/checkpoint_builder.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

float with_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

TrainingState small_state() {
    TrainingState state;
    state.description = small_network(Family::AfResNet);
    state.labels = {"a", "b", "c", "d", "\xc3\xa9 f"};
    for (const ParameterInfo &p : parameters_of(state.description)) {
        state.parameters[p.key] = recipe_parameter(p.key, p.shape, 9);
    }
    state.parameters["bn1.bias"][0] = -0.0F;
    state.parameters["bn1.bias"][1] = with_bits(1); // the smallest of all
    state.optimizer["bn1.bias.momentum"] = {with_bits(0x7fc01234), -0.0F, with_bits(0x80000001), INFINITY};
    state.optimizer["fc.weight.momentum"] = std::vector<float>(320, 0.1F);
    state.epoch = 7;
    state.batch = 3;
    state.step = int64_t(1) << 40;
    state.updates = state.step - 1;
    state.seed = ~uint64_t(0);
    state.best = 100.0 / 3;
    state.best_epoch = 5;
    state.positions = {{"temperature", 0.1 + 0.2}, {"loss sum", -0.0}, {"worst", -INFINITY}, {"none", NAN}};
    state.config = "{\"rate\": 0.1}\n";
    return state;
}

// Bits, not values: NaN equals itself and the zeroes differ.
template <class T> std::string bits(const T *values, size_t count) {
    return {reinterpret_cast<const char *>(values), count * sizeof(T)};
}

std::map<std::string, std::string> bits(const std::map<std::string, std::vector<float>> &tensors) {
    std::map<std::string, std::string> result;
    for (const auto &[name, values] : tensors)
        result[name] = bits(values.data(), values.size());
    return result;
}

/// A checkpoint whose metadata say something else.
void rewrite(const std::string &path, const std::string &key, const std::string &from, const std::string &to) {
    const std::string copy = contents_of(path);
    const auto file = SafetensorsFile::from_memory(bytes_of(copy), copy.size(), path);
    auto metadata = file.metadata();
    const size_t at = metadata[key].find(from);
    REQUIRE(at != std::string::npos);
    metadata[key].replace(at, from.size(), to);
    write_safetensors(path, file.tensors(), metadata);
}

} // namespace

TEST_CASE("training state: every bit comes back", "[training_state]") {
    const ScratchFolder folder;
    const std::string path = folder / "last.safetensors";
    const TrainingState saved = small_state();
    save_training_state(path, saved);
    const TrainingState loaded = load_training_state(path);
    CHECK(description_text(loaded.description) == description_text(saved.description));
    CHECK(loaded.labels == saved.labels);
    CHECK(loaded.shapes.size() == saved.parameters.size());
    CHECK(bits(loaded.parameters) == bits(saved.parameters));
    CHECK(bits(loaded.optimizer) == bits(saved.optimizer));
    CHECK(loaded.epoch == saved.epoch);
    CHECK(loaded.batch == saved.batch);
    CHECK(loaded.step == saved.step);
    CHECK(loaded.updates == saved.updates);
    CHECK(loaded.seed == saved.seed);
    CHECK(bits(&loaded.best, 1) == bits(&saved.best, 1));
    CHECK(loaded.best_epoch == saved.best_epoch);
    CHECK(loaded.config == saved.config);
    REQUIRE(loaded.positions.size() == saved.positions.size());
    for (const auto &[name, value] : saved.positions) {
        INFO(name);
        const double back = loaded.positions.at(name);
        if (!std::isnan(value)) CHECK(bits(&back, 1) == bits(&value, 1));
        CHECK(std::isnan(back) == std::isnan(value));
    }
    const std::string first = contents_of(path);
    save_training_state(path, loaded);
    CHECK(contents_of(path) == first);
}

TEST_CASE("training state: a checkpoint is a weights file", "[training_state]") {
    const ScratchFolder folder;
    const std::string path = folder / "best.safetensors";
    const TrainingState state = small_state();
    save_training_state(path, state);
    const LoadedModel model = load_model(path);
    CHECK(model.trained);
    CHECK(model.labels == state.labels);
    for (const ParameterInfo &p : parameters_of(state.description)) {
        CHECK(model.weights(p) == state.parameters.at(p.key));
    }
    const SafetensorsFile file(path);
    REQUIRE(file.find("conv1.weight"));
    CHECK(file.find("conv1.weight")->shape == std::vector<int64_t>{16, 3, 7, 7});
    CHECK(file.find("optimizer.fc.weight.momentum"));
}

TEST_CASE("training state: what does not fit the model is not saved", "[training_state]") {
    const ScratchFolder folder;
    const std::string path = folder / "last.safetensors";
    const auto refused = [&](auto change) {
        TrainingState state = small_state();
        change(state);
        const std::string message = refusal([&] { save_training_state(path, state); });
        CHECK(folder.files() == 0);
        return message;
    };
    CHECK_THAT(refused([](auto &s) { s.parameters.erase("fc.bias"); }), Contains("'fc.bias': missing"));
    CHECK_THAT(refused([](auto &s) { s.parameters["fc.bias"].push_back(0); }), Contains("'fc.bias': is [6]; [5]"));
    CHECK_THAT(refused([](auto &s) { s.parameters["fc.x"] = {1}; }), Contains("'fc.x': [1] is no part of the model"));
    CHECK_THAT(refused([](auto &s) { s.parameters["fc.bias"][2] = NAN; }),
               Contains("'fc.bias': element 2 is not finite"));
    CHECK_THAT(refused([](auto &s) { s.labels[1] = "two\nlines"; }), Contains("has several lines"));
    CHECK_THAT(refused([](auto &s) { s.config = "\xff"; }), Contains("is not UTF-8"));
}

TEST_CASE("training state: what is no checkpoint is refused", "[training_state]") {
    const ScratchFolder folder;
    const std::string path = folder / "last.safetensors";
    const TrainingState state = small_state();
    save_model(path, state.description, state.parameters, state.labels);
    CHECK_THAT(refusal([&] { load_training_state(path); }), Contains("weights alone"));
    const auto refused = [&](const std::string &from, const std::string &to) {
        save_training_state(path, state);
        rewrite(path, kTrainingKey, from, to);
        const std::string message = refusal([&] { load_training_state(path); });
        CHECK_THAT(message, Contains(path + ": its training state cannot be read: "));
        return message;
    };
    CHECK_THAT(refused("training/1", "training/9"), Contains("'afnet-training/9'; afnet-training/1 expected"));
    CHECK_THAT(refused("\"epoch\":7", "\"epoch\":-7"), Contains("epoch is -7"));
    CHECK_THAT(refused("\"epoch\":7", "\"epoch\":7.5"), Contains("epoch is 7.5"));
    CHECK_THAT(refused("\"batch\":3", "\"batch\":18446744073709551615"), Contains("batch is 18446744073709551615"));
    CHECK_THAT(refused("\"batch\":3", "\"batch\":null"), Contains("batch is null"));
    CHECK_THAT(refused("\"seed\":1", "\"seed\":-1"), Contains("seed is -1"));
    CHECK_THAT(refused("\"-inf\"", "\"much\""), Contains("a number is 'much'"));
    refused("\"step\"", "\"stop\"");
    refused("{", "");
    refused("\"positions\":{", "\"positions\":{\"x\":[],");
}

TEST_CASE("training state: a full disk leaves the old checkpoint and no other file", "[training_state]") {
    const ScratchFolder folder;
    const std::string path = folder / "last.safetensors";
    TrainingState state = small_state();
    save_training_state(path, state);
    const std::string before = contents_of(path);
    state.epoch++;
    for (const size_t limit : {size_t(0), size_t(100), size_t(70000), before.size() / 2, before.size() - 100}) {
        INFO(limit);
        with_full_disk(rlim_t(limit), [&] {
            CHECK_THAT(refusal([&] { save_training_state(path, state); }), Contains(path + ": cannot write: "));
        });
        CHECK(contents_of(path) == before);
        CHECK(folder.files() == 1);
    }
    CHECK(load_training_state(path).epoch == 7);
}
