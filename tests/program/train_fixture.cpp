#include "tests/program/train_fixture.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include "model/training_state.h"

namespace afnet_test {

namespace fs = std::filesystem;

namespace {

// Whether all numbers have the same bits, times apart.
void check_same_state(const std::string &expected_path, const std::string &path) {
    INFO(path);
    const afnet::TrainingState expected = afnet::load_training_state(expected_path);
    const afnet::TrainingState state = afnet::load_training_state(path);
    const auto check_tensors = [](const auto &wanted, const auto &there) {
        REQUIRE(there.size() == wanted.size());
        for (const auto &[key, values] : wanted) {
            INFO(key);
            REQUIRE(there.count(key) == 1);
            const std::vector<float> &found = there.at(key);
            REQUIRE(found.size() == values.size());
            CHECK(std::memcmp(found.data(), values.data(), values.size() * sizeof(float)) == 0);
        }
    };
    check_tensors(expected.parameters, state.parameters);
    check_tensors(expected.optimizer, state.optimizer);
    CHECK(state.epoch == expected.epoch);
    CHECK(state.batch == expected.batch);
    CHECK(state.step == expected.step);
    CHECK(state.updates == expected.updates);
    CHECK(state.best == expected.best);
    CHECK(state.best_epoch == expected.best_epoch);
    for (const auto &[name, position] : expected.positions) {
        INFO(name);
        if (name != "seconds") CHECK(state.positions.at(name) == position);
    }
}

// The rows of log.jsonl without what depends on time.
std::vector<nlohmann::json> rows_of(const std::string &run) {
    std::ifstream file(run + "/log.jsonl");
    std::vector<nlohmann::json> rows;
    for (std::string line; std::getline(file, line);) {
        nlohmann::json row = nlohmann::json::parse(line);
        row.erase("seconds");
        row.erase("clips_per_s");
        rows.push_back(row);
    }
    return rows;
}

} // namespace

std::string made_clips(const std::string &folder, int clips, const std::string &data_set, int seed) {
    const ProgramRun run = run_program({"synth", "--dataset", data_set, "--out", folder, "--clips",
                                        std::to_string(clips), "--seed", std::to_string(seed), "--quiet"});
    INFO(run.err);
    REQUIRE(run.status == 0);
    return folder + "/list.txt";
}

Arguments two_stages(const std::string &list, const std::string &out, int batch, int micro_batch) {
    const std::string recipe = (fs::path(list).parent_path() / "recipe.json").string();
    std::ofstream(recipe) << R"({"stages": [
        {"name": "first", "steps": 13, "lr": 0.02, "groups": "plain", "keep_bias": 2},
        {"name": "second", "steps": 8, "lr": 0.01, "groups": "plain", "dropout": 0.25, "reset": ["fc.*"],
         "optimizers": ["*list_gen*=adam:lr=0.01"]}]})";
    return {"train",
            "--model",
            "af_tiny",
            "--size",
            "32",
            "--crop",
            "whole",
            "--data",
            list,
            "--val",
            list,
            "--out",
            out,
            "--config",
            recipe,
            "--batch",
            std::to_string(batch),
            "--micro-batch",
            std::to_string(micro_batch),
            "--seed",
            "5",
            "--resume",
            "auto",
            "--save-every",
            "1",
            "--keep",
            "2",
            "--threads",
            "1",
            "--readers",
            "1"};
}

void check_same_run(const std::string &expected, const std::string &run) {
    const std::vector<std::string> names = names_in(run);
    CHECK(names == names_in(expected));
    for (const std::string &name : names) {
        if (fs::path(name).extension() == ".safetensors") check_same_state(expected + "/" + name, run + "/" + name);
    }
    CHECK(rows_of(run) == rows_of(expected));
}

} // namespace afnet_test
