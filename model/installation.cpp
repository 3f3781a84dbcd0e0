#include "model/installation.h"

#include <algorithm>
#include <filesystem>

#include "runtime/error.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

void read_manifests(Installation &here) {
    std::error_code error;
    for (const auto &file : std::filesystem::directory_iterator(here.folder, error)) {
        if (file.path().extension() != ".json") continue;
        try {
            here.libraries.push_back(read_manifest(file.path().string()));
        } catch (const Error &fault) {
            here.faults.push_back(fault.what());
        }
    }
    std::sort(here.libraries.begin(), here.libraries.end(),
              [](const Manifest &a, const Manifest &b) { return a.library < b.library; });
    std::sort(here.faults.begin(), here.faults.end());
}

}  // namespace

std::vector<const Manifest *> Installation::libraries_for(const Target &target) const {
    std::vector<const Manifest *> found;
    for (const Manifest &library : libraries) {
        if (library.target == target.name) found.push_back(&library);
    }
    return found;
}

std::string Installation::library_with(const std::string &kernel, const std::string &model) const {
    std::string other;
    if (!chosen) return other;
    for (const std::string &target : with_extended(*chosen)) {
        for (const Manifest *library : libraries_for(target_named(target))) {
            const auto &rows = library->kernels;
            if (std::none_of(rows.begin(), rows.end(), [&](const KernelEntry &e) { return e.symbol == kernel; }))
                continue;
            if (library->model == model) return library->library;
            if (other.empty()) other = library->library;
        }
    }
    return other;
}

Installation look_around(int threads, Dtype dtype) {
    Installation here;
    here.threads = configure_halide(threads);
    here.folder = kernel_folder();
    read_manifests(here);
    std::vector<std::string> compiled;
    for (const Manifest &library : here.libraries) compiled.push_back(library.target);
    try {
        here.chosen = &choose_target(&here.why, compiled, dtype);
    } catch (const Error &error) {
        here.why = error.what();
    }
    return here;
}

std::string obstacle(const Target &target) {
    if (runs_here(target)) return "";
    if (target.gpu != GpuInterface::None) return "runs on a GPU";
    const std::vector<std::string> missing = missing_features(target.features);
    return missing.empty() ? "another architecture" : absence_of(missing);
}

std::string word_list(const std::vector<std::string> &words) {
    std::string text;
    for (const std::string &word : words) text += (text.empty() ? "" : " ") + word;
    return text.empty() ? "none" : text;
}

}  // namespace afnet
