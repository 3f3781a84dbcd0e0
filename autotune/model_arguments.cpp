#include "autotune/model_arguments.h"

#include <filesystem>

#include "runtime/file_io.h"

namespace afnet {

std::vector<ModelDescription> described_models(const std::vector<std::string> &names) {
    std::vector<ModelDescription> models;
    for (const std::string &name : names) {
        if (name == "all") {
            models.insert(models.end(), shipped_models().begin(), shipped_models().end());
        } else if (std::filesystem::path(name).extension() == ".json") {
            models.push_back(parse_description(read_file(name, 1 << 20), name));
        } else {
            models.push_back(shipped_model(name));
        }
    }
    return models;
}

} // namespace afnet
