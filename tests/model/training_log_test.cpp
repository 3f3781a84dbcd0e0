// Logs of a run: whole rows, each epoch once, whatever crashed before.
#include "model/training_log.h"

#include <map>

#include "runtime/json.h"
#include "tests/runtime/file_checks.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

const std::string kNames[] = {"log.csv", "log.jsonl", "events.out.tfevents.afnet"};

EpochRecord record_of(int64_t epoch) {
    EpochRecord record;
    record.epoch = epoch;
    record.step = 10 * (epoch + 1);
    record.loss = 1.0 / double(epoch + 3);
    record.val_top1 = 12.5;
    record.rate = 0.1;
    record.skipped_steps = 2;
    return record;
}

std::vector<std::string> lines_of(const std::string &path) {
    std::istringstream text(contents_of(path));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);)
        lines.push_back(line);
    return lines;
}

void write(const std::string &path, const std::string &contents) {
    std::ofstream(path, std::ios::binary) << contents;
}

// The epochs in a folder's logs, which must all be the same.
std::vector<int64_t> epochs_in(const ScratchFolder &folder) {
    std::vector<int64_t> csv, jsonl, events;
    const auto rows = lines_of(folder / kNames[0]);
    for (size_t i = 1; i < rows.size(); i++)
        csv.push_back(std::stoll(rows[i]));
    for (const std::string &line : lines_of(folder / kNames[1])) {
        jsonl.push_back(nlohmann::json::parse(line)["epoch"].get<int64_t>());
    }
    const std::string bytes = contents_of(folder / kNames[2]);
    std::string_view rest = bytes;
    while (const auto event = decode_event(rest)) {
        if (event->file_version.empty()) events.push_back(event->step);
    }
    CHECK(rest.empty());
    CHECK(csv == jsonl);
    CHECK(csv == events);
    return csv;
}

std::map<std::string, std::string> all_of(const ScratchFolder &folder) {
    std::map<std::string, std::string> contents;
    for (const std::string &name : kNames)
        contents[name] = contents_of(folder / name);
    return contents;
}

} // namespace

TEST_CASE("training log: a row in each file", "[training_log]") {
    const ScratchFolder folder;
    TrainingLog(folder / "", 0).append(record_of(0));
    CHECK(contents_of(folder / "log.csv") ==
          "epoch,step,loss,cross_entropy,ratio_error,top1,val_top1,val_top5,realised_rt,target_rt,patch_ratio_error,"
          "realised_rs,target_rs,temperature,rate,gradient_norm,skipped_steps,clips_per_s,seconds\n"
          "0,10,0.3333333333333333,,,,12.5,,,,,,,,0.1,,2,,\n");
    const auto json = nlohmann::json::parse(contents_of(folder / "log.jsonl"));
    CHECK(json.size() == 19);
    CHECK(json["loss"] == 1.0 / 3);
    CHECK(json["skipped_steps"] == 2);
    CHECK(json["top1"].is_null());
    const std::string bytes = contents_of(folder / kNames[2]);
    std::string_view rest = bytes;
    decode_event(rest);
    const auto event = decode_event(rest);
    REQUIRE(event);
    CHECK(event->scalars == std::vector<std::pair<std::string, float>>{{"loss/train", 1.0F / 3},
                                                                       {"accuracy/val_top1", 12.5F},
                                                                       {"optimizer/rate", 0.1F},
                                                                       {"optimizer/skipped_steps", 2}});
    CHECK(folder.files() == 3);
}

TEST_CASE("training log: epochs that run again stand once", "[training_log]") {
    const ScratchFolder folder;
    {
        TrainingLog log(folder / "", 0);
        for (int64_t epoch = 0; epoch < 12; epoch++)
            log.append(record_of(epoch));
    }
    CHECK(epochs_in(folder).size() == 12);
    TrainingLog(folder / "", 12);
    CHECK(epochs_in(folder).size() == 12);
    {
        TrainingLog log(folder / "", 9);
        CHECK(epochs_in(folder).back() == 8);
        log.append(record_of(9));
    }
    CHECK(epochs_in(folder) == std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    TrainingLog(folder / "", 0);
    CHECK(epochs_in(folder).empty());
}

TEST_CASE("training log: a torn last line is cut off, wherever it was torn", "[training_log]") {
    const ScratchFolder folder;
    {
        TrainingLog log(folder / "", 0);
        log.append(record_of(0));
        log.append(record_of(1));
    }
    const auto whole = all_of(folder);
    for (const std::string &name : kNames) {
        for (size_t size = 0; size < whole.at(name).size(); size += 7) {
            INFO(name << " " << size);
            write(folder / name, whole.at(name).substr(0, size));
            // What is torn belongs to epochs that run again: their checkpoint comes after their row.
            TrainingLog log(folder / "", 0);
            log.append(record_of(0));
            CHECK(epochs_in(folder) == std::vector<int64_t>{0});
        }
    }
    // A disk that lost power may hold zeroes where a line was being written.
    write(folder / "log.csv", whole.at("log.csv") + std::string(40, '\0'));
    write(folder / "log.jsonl", whole.at("log.jsonl") + "{\"epoch\":2,\"st");
    write(folder / kNames[2], whole.at(kNames[2]) + std::string(40, '\0'));
    TrainingLog(folder / "", 2).append(record_of(2));
    CHECK(epochs_in(folder) == std::vector<int64_t>{0, 1, 2});
}

TEST_CASE("training log: what is no log stays as it is", "[training_log]") {
    const ScratchFolder folder;
    write(folder / "log.csv", "time,loss\n1,2\n");
    CHECK_THAT(refusal([&] { TrainingLog(folder / "", 0); }), Contains("log.csv: its columns are not those"));
    CHECK(contents_of(folder / "log.csv") == "time,loss\n1,2\n");
    std::filesystem::remove(folder / "log.csv");
    TrainingLog(folder / "", 0).append(record_of(0));
    const std::string damaged = "{\"epoch\":0}\nnonsense\n{\"epoch\":2}\n";
    write(folder / "log.jsonl", damaged);
    CHECK_THAT(refusal([&] { TrainingLog(folder / "", 3); }), Contains("log.jsonl: row 2 is damaged"));
    CHECK(contents_of(folder / "log.jsonl") == damaged);
    CHECK_THAT(refusal([&] { TrainingLog(folder / "no/such", 0); }), Contains("cannot open"));
}

TEST_CASE("training log: a full disk leaves every file as it was", "[training_log]") {
    const ScratchFolder folder;
    TrainingLog log(folder / "", 0);
    log.append(record_of(0));
    const auto before = all_of(folder);
    size_t refused = 0;
    for (rlim_t limit = 0; limit < 4096; limit += 40) {
        INFO(limit);
        bool full = false;
        with_full_disk(limit, [&] {
            try {
                log.append(record_of(1));
            } catch (const Error &error) {
                full = true;
                CHECK_THAT(error.what(), Contains("cannot write"));
            }
        });
        if (!full) break;
        refused++;
        CHECK(all_of(folder) == before);
    }
    CHECK(refused > 5);
    CHECK(epochs_in(folder) == std::vector<int64_t>{0, 1});
}
