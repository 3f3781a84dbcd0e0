#include "autotune/records.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/file_io.h"

namespace afnet {

std::map<std::string, int> record_knobs(const std::string &folder, const std::string &target,
                                        const std::string &kernel) {
    const std::string path = folder + "/" + target + "/" + kernel + ".json";
    if (!std::filesystem::exists(path)) return {};
    try {
        return nlohmann::json::parse(read_file(path, 1 << 20)).at("knobs").get<std::map<std::string, int>>();
    } catch (const nlohmann::json::exception &error) {
        throw Error(path + ": not a record: " + error.what() + "; expected {\"knobs\": {name: number}}");
    }
}

}  // namespace afnet
