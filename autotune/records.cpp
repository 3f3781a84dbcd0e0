#include "autotune/records.h"

#include <filesystem>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"

namespace afnet {

std::string record_path(const std::string &folder, const std::string &target, const std::string &kernel) {
    return folder + "/" + target + "/" + kernel + ".json";
}

Knobs record_knobs(const std::string &folder, const std::string &target, const std::string &kernel) {
    const std::string path = record_path(folder, target, kernel);
    return std::filesystem::exists(path) ? read_record(path) : Knobs{};
}

Knobs read_record(const std::string &path) {
    try {
        return nlohmann::json::parse(read_file(path, 1 << 20)).at("knobs").get<Knobs>();
    } catch (const nlohmann::json::exception &error) {
        throw Error(path + ": not a record: " + error.what() + "; expected {\"knobs\": {name: number}}");
    }
}

void write_record(const std::string &folder, const std::string &target, const std::string &kernel, const Knobs &knobs,
                  const nlohmann::ordered_json &measured) {
    const std::string path = record_path(folder, target, kernel);
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (error) throw Error(folder + "/" + target + ": cannot make this folder: " + error.message());
    nlohmann::ordered_json record = {{"knobs", knobs}, {"measured", measured}};
    write_file(path, record.dump(1) + "\n");
}

std::string knob_text(const Knobs &knobs) {
    std::string text;
    for (const auto &[name, value] : knobs)
        text += (text.empty() ? "" : ", ") + name + " " + std::to_string(value);
    return text.empty() ? "automatic" : text;
}

} // namespace afnet
