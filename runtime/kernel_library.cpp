#include "runtime/kernel_library.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <set>
#include <sys/auxv.h>
#include <unistd.h>

#include "runtime/content_hash.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Json = nlohmann::json;

constexpr const char *kFormat = "afnet-kernels/1";
constexpr const char *kRecompile = "; compile it again with `afnet compile`";

template <class Function>
Function symbol(void *handle, const std::string &name, const std::string &library) {
    void *address = dlsym(handle, name.c_str());
    if (!address) throw Error(library + ": lacks symbol " + name + " that its manifest lists" + kRecompile);
    return reinterpret_cast<Function>(address);
}

// The target that `spec` is compiled for where `target` is used.
std::string compiled_for(const KernelSpec &spec, const Target &target) {
    for (const std::string &name : with_extended(target)) {
        if (has_kernel(target_named(name), spec)) return name;
    }
    return target.name;
}

std::string manifest_ending(const Target &target) {
    return "." + target.name + ".json";
}

bool ends_behind_a_name(const std::string &text, const std::string &ending) {
    return text.size() > ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

// The manifests of a target, by their names, sorted.
std::vector<std::string> manifest_paths(const std::string &folder, const Target &target) {
    std::vector<std::string> paths;
    std::error_code error;
    for (const auto &file : std::filesystem::directory_iterator(folder, error)) {
        if (ends_behind_a_name(file.path().filename().string(), manifest_ending(target))) paths.push_back(file.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

// The file of the shared library that holds a function; empty where it is the program's own.
template <class Function> std::string library_of(Function *function) {
    Dl_info holder{}, program{};
    const void *const headers = reinterpret_cast<const void *>(::getauxval(AT_PHDR));
    if (!dladdr(reinterpret_cast<const void *>(function), &holder) || !dladdr(headers, &program)) return "";
    return holder.dli_fbase == program.dli_fbase ? "" : holder.dli_fname;
}

// Kernels find Halide's runtime among the symbols that all libraries see: the program's, and those of a shared library
// only where it was loaded so. Python's ctypes does not.
void show_halide_runtime() {
    static const std::string library = library_of(&halide_set_error_handler);
    if (library.empty()) return;
    static void *const shown = dlopen(library.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
    if (!shown) throw Error(library + ": cannot show its symbols to kernels: " + dlerror());
}

}  // namespace

Manifest read_manifest(const std::string &path) {
    const Json json = Json::parse(read_file(path, size_t(1) << 26), nullptr, false);
    Manifest manifest;
    try {
        if (json.at("format") != kFormat) throw Error(path + ": not a kernel manifest of format " + kFormat + kRecompile);
        manifest.model = json.at("model");
        manifest.target = json.at("target");
        manifest.features = json.at("features").get<std::vector<std::string>>();
        manifest.library = json.at("library");
        manifest.library_hash = json.at("library_hash");
        manifest.inputs = json.at("inputs");
        for (const Json &row : json.at("kernels")) {
            KernelEntry entry;
            entry.spec.generator = row.at("generator");
            entry.spec.params = row.at("params").get<std::map<std::string, std::string>>();
            entry.symbol = row.at("symbol");
            entry.knobs = row.at("knobs").get<std::map<std::string, int>>();
            manifest.kernels.push_back(std::move(entry));
        }
    } catch (const Json::exception &error) {
        throw Error(path + ": not a kernel manifest: " + error.what() + kRecompile);
    }
    if (manifest.library.find('/') != std::string::npos) {
        throw Error(path + ": names a library outside its folder: " + manifest.library);
    }
    return manifest;
}

std::string manifest_text(const Manifest &manifest) {
    Json rows = Json::array();
    for (const KernelEntry &entry : manifest.kernels) {
        rows.push_back({{"symbol", entry.symbol},
                        {"generator", entry.spec.generator},
                        {"params", entry.spec.params},
                        {"knobs", entry.knobs}});
    }
    const Json json = {{"format", kFormat},           {"model", manifest.model},
                       {"target", manifest.target},   {"features", manifest.features},
                       {"library", manifest.library}, {"library_hash", manifest.library_hash},
                       {"inputs", manifest.inputs},   {"kernels", rows}};
    return json.dump(1) + "\n";
}

KernelLibrary::KernelLibrary(const std::string &manifest_path)
    : KernelLibrary(manifest_path, read_manifest(manifest_path)) {}

KernelLibrary::KernelLibrary(const std::string &manifest_path, Manifest manifest) : manifest_(std::move(manifest)) {
    const auto missing = missing_features(manifest_.features);
    if (!missing.empty()) {
        throw Error(manifest_path + ": kernels for " + manifest_.target + ", but " + absence_of(missing) +
                    "; unset AFNET_TARGET to let the program choose");
    }
    const std::string path = (std::filesystem::path(manifest_path).parent_path() / manifest_.library).string();
    if (file_hash(path) != manifest_.library_hash) {
        throw Error(path + ": not the library that " + manifest_path + " describes" + kRecompile);
    }
    show_halide_runtime();
    handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle_) throw Error(path + ": cannot be loaded: " + dlerror() + kRecompile);
    for (const KernelEntry &entry : manifest_.kernels) {
        Kernel kernel;
        kernel.entry = &entry;
        kernel.run = symbol<int (*)(void **)>(handle_, entry.symbol + "_argv", path);
        kernel.metadata =
            symbol<const halide_filter_metadata_t *(*)()>(handle_, entry.symbol + "_metadata", path)();
        kernels_[entry.symbol] = kernel;
    }
}

KernelLibrary::~KernelLibrary() {
    if (handle_) dlclose(handle_);
}

const Kernel *KernelLibrary::find(const std::string &name) const {
    const auto found = kernels_.find(name);
    return found == kernels_.end() ? nullptr : &found->second;
}

bool has_kernel_libraries(const std::string &folder, const Target &target) {
    return !manifest_paths(folder, target).empty();
}

const Target &choose_library_target(const std::string &folder, std::string *why, Dtype dtype) {
    std::vector<std::string> compiled;
    for (const Target &target : targets()) {
        if (has_kernel_libraries(folder, target)) compiled.push_back(target.name);
    }
    return choose_target(why, compiled, dtype);
}

KernelStore::KernelStore(const std::string &folder, Dtype dtype)
    : KernelStore(folder, choose_library_target(folder, nullptr, dtype)) {}

KernelStore::KernelStore(const std::string &folder, const Target &target, const VendorPolicy &vendor_policy)
    : folder_(folder), target_(target), vendor_policy_(vendor_policy) {
    size_t own = 0;
    for (const std::string &name : with_extended(target)) {
        for (std::string &path : manifest_paths(folder, target_named(name)))
            entries_.push_back({std::move(path), name, {}, nullptr});
        if (name == target.name) own = entries_.size();
    }
    if (own == 0) {
        throw Error(folder + ": no kernel library for target " + target.name +
                    "; build the project, or run `afnet compile --target " + target.name + " --model MODEL`");
    }
}

KernelStore &KernelStore::host() {
    if (target_.gpu == GpuInterface::None) return *this;
    std::call_once(host_chosen_, [&] { host_ = std::make_unique<KernelStore>(folder_); });
    return *host_;
}

const Manifest &KernelStore::manifest_of(Entry &entry) {
    if (!entry.manifest) {
        Manifest manifest = read_manifest(entry.path);
        if (manifest.target != entry.target) {
            throw Error(entry.path + ": its kernels are for target " + manifest.target + "; " + entry.target +
                        ", as in its name, expected" + kRecompile);
        }
        entry.manifest = std::move(manifest);
    }
    return *entry.manifest;
}

bool KernelStore::lists(Entry &entry, const std::string &name) {
    const auto &rows = manifest_of(entry).kernels;
    return std::any_of(rows.begin(), rows.end(), [&](const KernelEntry &e) { return e.symbol == name; });
}

// nullptr where the manifest lists no such kernel.
const Kernel *KernelStore::find(Entry &entry, const std::string &name) {
    if (!lists(entry, name)) return nullptr;
    if (!entry.library) entry.library = std::make_unique<KernelLibrary>(entry.path, *entry.manifest);
    return entry.library->find(name);
}

std::vector<Manifest> KernelStore::manifests() {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Manifest> all;
    for (Entry &entry : entries_)
        all.push_back(manifest_of(entry));
    return all;
}

size_t KernelStore::manifests_read() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return size_t(
        std::count_if(entries_.begin(), entries_.end(), [](const Entry &e) { return e.manifest.has_value(); }));
}

const Kernel &KernelStore::kernel(const KernelSpec &spec, const std::string &preferred_model) {
    const std::string name = spec.name();
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const bool preferred : {true, false}) {
        for (Entry &entry : entries_) {
            const std::string of_model = preferred_model + manifest_ending(target_named(entry.target));
            if ((std::filesystem::path(entry.path).filename() == of_model) != preferred) continue;
            if (const Kernel *kernel = find(entry, name)) return *kernel;
        }
    }
    const std::string words = absence(spec, 0);
    if (target_.gpu == GpuInterface::None) throw Error(words);
    throw Error(words + (has_kernel(target_, spec) ? ", or" : ";") + " take --device cpu");
}

// What is missing, where a kernel and `others` beside it are in no library, and what to do.
std::string KernelStore::absence(const KernelSpec &spec, size_t others) const {
    if (target_.gpu != GpuInterface::None && !has_kernel(target_, spec))
        return "kernel " + spec.name() + " has no schedule for GPUs";
    return folder_ + ": no library for target " + target_.name + " holds kernel " + spec.name() +
           (others > 0 ? " and " + std::to_string(others) + " more" : "") + "; run `afnet compile --target " +
           compiled_for(spec, target_) + " --model MODEL` with the model's description";
}

std::string KernelStore::lack_of(const std::vector<KernelSpec> &specs) {
    std::map<std::string, const KernelSpec *> missing; // by name
    std::set<std::string> unscheduled;                 // generators
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const KernelSpec &spec : specs) {
        const std::string name = spec.name();
        if (std::any_of(entries_.begin(), entries_.end(), [&](Entry &entry) { return lists(entry, name); })) continue;
        missing[name] = &spec;
        if (target_.gpu != GpuInterface::None && !has_kernel(target_, spec)) unscheduled.insert(spec.generator);
    }
    if (!unscheduled.empty())
        return "no schedules for GPUs of " + join({unscheduled.begin(), unscheduled.end()}) + " (docs/gpu.md)";
    return missing.empty() ? "" : absence(*missing.begin()->second, missing.size() - 1);
}

std::string program_folder() {
    if (const std::string library = library_of(&manifest_ending); !library.empty()) {
        std::error_code error;
        const std::filesystem::path whole = std::filesystem::canonical(library, error);
        return (error ? std::filesystem::path(library) : whole).parent_path().string();
    }
    char path[PATH_MAX];
    const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
    if (length <= 0) return ".";
    return std::filesystem::path(std::string(path, size_t(length))).parent_path().string();
}

std::string kernel_folder() {
    const char *set = std::getenv("AFNET_KERNELS");
    return set && *set ? set : program_folder() + "/kernels";
}

}  // namespace afnet
