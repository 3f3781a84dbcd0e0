#include "model/training_log.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <functional>
#include <optional>

#include "runtime/error.h"
#include "runtime/json.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

// A column of the logs; TensorBoard groups its charts by what stands before the slash.
struct Column {
    const char *name;
    double EpochRecord::*number;
    int64_t EpochRecord::*count; // instead of a number
    const char *chart;           // nullptr: none
};

constexpr Column kColumns[] = {
    {"epoch", nullptr, &EpochRecord::epoch, nullptr},
    {"step", nullptr, &EpochRecord::step, nullptr},
    {"loss", &EpochRecord::loss, nullptr, "loss/train"},
    {"cross_entropy", &EpochRecord::cross_entropy, nullptr, "loss/cross_entropy"},
    {"ratio_error", &EpochRecord::ratio_error, nullptr, "loss/ratio_error"},
    {"top1", &EpochRecord::top1, nullptr, "accuracy/train_top1"},
    {"val_top1", &EpochRecord::val_top1, nullptr, "accuracy/val_top1"},
    {"val_top5", &EpochRecord::val_top5, nullptr, "accuracy/val_top5"},
    {"realised_rt", &EpochRecord::realised_rt, nullptr, "selection/realised_rt"},
    {"target_rt", &EpochRecord::target_rt, nullptr, "selection/target_rt"},
    {"patch_ratio_error", &EpochRecord::patch_ratio_error, nullptr, "loss/patch_ratio_error"},
    {"realised_rs", &EpochRecord::realised_rs, nullptr, "selection/realised_rs"},
    {"target_rs", &EpochRecord::target_rs, nullptr, "selection/target_rs"},
    {"temperature", &EpochRecord::temperature, nullptr, "selection/temperature"},
    {"rate", &EpochRecord::rate, nullptr, "optimizer/rate"},
    {"gradient_norm", &EpochRecord::gradient_norm, nullptr, "optimizer/gradient_norm"},
    {"skipped_steps", nullptr, &EpochRecord::skipped_steps, "optimizer/skipped_steps"},
    {"clips_per_s", &EpochRecord::clips_per_s, nullptr, "speed/clips_per_s"},
    {"seconds", &EpochRecord::seconds, nullptr, "speed/seconds"},
};

// The shortest text that gives the same number.
std::string number_text(double value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string csv_header() {
    std::string text;
    for (const Column &column : kColumns)
        text += (text.empty() ? "" : ",") + std::string(column.name);
    return text + "\n";
}

std::string csv_row(const EpochRecord &record) {
    std::string text;
    for (const Column &column : kColumns) {
        if (&column != kColumns) text += ",";
        if (column.count) {
            text += std::to_string(record.*column.count);
        } else if (!std::isnan(record.*column.number)) {
            text += number_text(record.*column.number);
        }
    }
    return text + "\n";
}

std::string json_row(const EpochRecord &record) {
    Json json;
    for (const Column &column : kColumns) {
        if (column.count) {
            json[column.name] = record.*column.count;
        } else {
            json[column.name] = record.*column.number; // what is not finite becomes null
        }
    }
    return json.dump() + "\n";
}

EventRecord event_of(const EpochRecord &record) {
    EventRecord event;
    event.wall_time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    event.step = record.epoch;
    for (const Column &column : kColumns) {
        const double value = column.count ? double(record.*column.count) : record.*column.number;
        if (column.chart && !std::isnan(value)) event.scalars.emplace_back(column.chart, float(value));
    }
    return event;
}

// The epoch that a row is about; nothing for what is no row.
using EpochOfRow = std::function<std::optional<int64_t>(const std::string &)>;

std::optional<int64_t> epoch_of_csv(const std::string &row) {
    size_t commas = 0;
    for (const char c : row)
        commas += c == ',';
    int64_t epoch = 0;
    const auto [end, error] = std::from_chars(row.data(), row.data() + row.size(), epoch);
    if (error != std::errc() || *end != ',' || commas + 1 != std::size(kColumns)) return {};
    return epoch;
}

std::optional<int64_t> epoch_of_json(const std::string &row) {
    const Json json = Json::parse(row, nullptr, false);
    if (!json.is_object() || !json.contains("epoch") || !json["epoch"].is_number_integer()) return {};
    return json["epoch"].get<int64_t>();
}

// Cuts a log of lines behind its last row before `first_epoch`; of what follows, only a torn end may be no row.
AppendedFile opened_log(const std::string &path, const std::string &header, int64_t first_epoch,
                        const EpochOfRow &epoch_of) {
    AppendedFile file(path);
    const std::string text = file.contents();
    size_t kept = 0, torn = std::string::npos;
    bool again = false;
    if (!header.empty() && text.rfind(header, 0) == 0) kept = header.size();
    if (!header.empty() && kept == 0 && header.rfind(text, 0) != 0) {
        throw Error(path + ": its columns are not those that this version writes; move the file elsewhere");
    }
    for (size_t begin = kept, number = 1; begin < text.size(); number++) {
        const size_t end = text.find('\n', begin);
        const std::optional<int64_t> epoch =
            end == std::string::npos ? std::nullopt : epoch_of(text.substr(begin, end - begin));
        if (!epoch && torn == std::string::npos) torn = number;
        if (epoch && torn != std::string::npos) {
            throw Error(path + ": row " + std::to_string(torn) + " is damaged; mend it or move the file elsewhere");
        }
        if (epoch && *epoch >= first_epoch) again = true;
        begin = end == std::string::npos ? text.size() : end + 1;
        if (epoch && !again) kept = begin;
    }
    if (kept < text.size()) file.cut(kept);
    if (kept == 0 && !header.empty()) file.append(header);
    return file;
}

} // namespace

TrainingLog::TrainingLog(const std::string &folder, int64_t first_epoch)
    : csv_(opened_log(folder + "/log.csv", csv_header(), first_epoch, epoch_of_csv)),
      jsonl_(opened_log(folder + "/log.jsonl", "", first_epoch, epoch_of_json)),
      events_(folder + "/events.out.tfevents.afnet", first_epoch) {}

void TrainingLog::append(const EpochRecord &record) {
    const uint64_t csv = csv_.size(), jsonl = jsonl_.size();
    csv_.append(csv_row(record));
    try {
        jsonl_.append(json_row(record));
        events_.append(event_of(record));
    } catch (const Error &) {
        csv_.cut(csv);
        jsonl_.cut(jsonl);
        throw;
    }
}

} // namespace afnet
