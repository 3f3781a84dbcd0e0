#include "model/run_folder.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "runtime/json_text.h"
#include "runtime/text.h"

namespace afnet {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char *kLockName = "lock";
constexpr size_t kMostDifferencesShown = 10;

std::vector<std::string> names_in(const std::string &folder) {
    std::vector<std::string> names;
    std::error_code fault;
    for (fs::directory_iterator entry(folder, fault), end; !fault && entry != end; entry.increment(fault)) {
        names.push_back(entry->path().filename().string());
    }
    if (fault) throw Error(folder + ": cannot read: " + fault.message());
    std::sort(names.begin(), names.end());
    return names;
}

// N of epoch-N.safetensors; -1 for another name.
int64_t epochs_in(const std::string &name) {
    const std::string begin = "epoch-", end = ".safetensors";
    if (name.rfind(begin, 0) != 0) return -1;
    int64_t epochs = -1;
    const auto [rest, error] = std::from_chars(name.data() + begin.size(), name.data() + name.size(), epochs);
    return error == std::errc() && rest == end ? epochs : -1;
}

// What write_file leaves behind when it is killed: a name of ours and `.tmp` with six letters.
bool is_temporary(const std::string &name) {
    constexpr size_t suffix = 10;
    if (name.size() <= suffix || name.compare(name.size() - suffix, 4, ".tmp") != 0) return false;
    const std::string whole = name.substr(0, name.size() - suffix);
    return whole == "config.json" || whole == "last.safetensors" || whole == "best.safetensors" ||
           epochs_in(whole) >= 0;
}

Json parsed(const std::string &text, const std::string &where) {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) throw Error(where + ": not a JSON object; restore the file or name another folder");
    return json;
}

std::string value_text(const Json &flat, const std::string &field) {
    return flat.contains(field) ? json_text(flat[field]) : "nothing";
}

// Fields that two configurations do not share or in which they differ, as "/rate: 0.1, now 0.2".
std::vector<std::string> differences(const Json &then, const Json &now, const std::set<std::string> &changeable) {
    const Json before = then.flatten(), after = now.flatten();
    std::set<std::string> fields;
    for (const Json *flat : {&before, &after}) {
        for (const auto &[field, value] : flat->items())
            fields.insert(field);
    }
    const auto may_change = [&](const std::string &field) {
        return std::any_of(changeable.begin(), changeable.end(),
                           [&](const std::string &each) { return field == each || field.rfind(each + "/", 0) == 0; });
    };
    std::vector<std::string> result;
    for (const std::string &field : fields) {
        const std::string was = value_text(before, field), is = value_text(after, field);
        if (was != is && !may_change(field)) result.push_back(field + ": " + was + ", now " + is);
    }
    return result;
}

} // namespace

RunFolder::RunFolder(const std::string &path, const std::string &config, Existing existing,
                     const std::set<std::string> &changeable)
    : path_(path) {
    const Json given = parsed(config, "the run's configuration");
    std::error_code fault, none;
    fs::create_directories(path, fault);
    if (!fs::is_directory(path, none)) {
        throw Error(path + ": cannot make this folder: " + (fault ? fault.message() : "it is a file"));
    }
    try {
        lock();
        remove_temporaries();
        if (has_last() || fs::exists(best()) || !kept().empty()) {
            if (existing == Existing::Refuse) {
                throw Error(path + ": holds a run already; go on with it (--resume auto) or name another folder");
            }
            if (fs::exists(this->config())) check_config(config, changeable);
        } else if (!fs::exists(this->config())) {
            for (const std::string &name : names_in(path)) {
                if (name == kLockName) continue;
                throw Error(path + ": holds other files (" + printable(name) + "), but no run; name an empty folder " +
                            "or one that is not there");
            }
        }
        const std::string text = json_text(given, 2) + "\n";
        if (!fs::exists(this->config()) || read_file(this->config()) != text) write_file(this->config(), text);
    } catch (...) {
        if (lock_ >= 0) ::close(lock_);
        throw;
    }
}

RunFolder::~RunFolder() {
    if (lock_ >= 0) ::close(lock_);
}

// The lock is the kernel's, on a file that stays: it ends with the process, however that ends.
void RunFolder::lock() {
    const std::string name = path_ + "/" + kLockName;
    lock_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock_ < 0) throw Error(name + ": cannot open: " + std::strerror(errno));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) throw Error(name + ": cannot lock: " + std::strerror(errno));
        char owner[32] = {};
        const ssize_t n = ::pread(lock_, owner, sizeof owner - 1, 0);
        const std::string process(owner, n > 0 ? std::strspn(owner, "0123456789") : 0);
        throw Error(path_ + ": another process" + (process.empty() ? "" : " (" + process + ")") +
                    " trains into this folder; wait for its end or name another folder");
    }
    const std::string process = std::to_string(::getpid()) + "\n"; // for the message above, nothing else
    if (::ftruncate(lock_, 0) != 0 || ::pwrite(lock_, process.data(), process.size(), 0) < 0) return;
}

void RunFolder::remove_temporaries() const {
    for (const std::string &name : names_in(path_)) {
        std::error_code ignored;
        if (is_temporary(name)) fs::remove(path_ + "/" + name, ignored);
    }
}

void RunFolder::check_config(const std::string &config, const std::set<std::string> &changeable) const {
    const Json then = parsed(read_file(this->config()), this->config());
    const std::vector<std::string> changed = differences(then, parsed(config, "the run's configuration"), changeable);
    if (changed.empty()) return;
    std::string message = path_ + ": began with another configuration; go on with the same, or name another folder:";
    for (size_t i = 0; i < std::min(changed.size(), kMostDifferencesShown); i++)
        message += "\n  " + changed[i];
    if (changed.size() > kMostDifferencesShown) {
        message += "\n  and " + std::to_string(changed.size() - kMostDifferencesShown) + " more";
    }
    throw Error(message);
}

std::string RunFolder::after(int64_t epochs) const {
    return path_ + "/epoch-" + std::to_string(epochs) + ".safetensors";
}

bool RunFolder::has_last() const {
    return fs::exists(last());
}

std::vector<int64_t> RunFolder::kept() const {
    std::vector<int64_t> result;
    for (const std::string &name : names_in(path_)) {
        if (epochs_in(name) >= 0) result.push_back(epochs_in(name));
    }
    std::sort(result.begin(), result.end());
    return result;
}

void RunFolder::save(const TrainingState &state, const Copies &copies) const {
    const TrainingState &shown = copies.shown ? *copies.shown : state;
    if (copies.best) save_training_state(best(), shown);
    if (copies.after) {
        save_training_state(after(state.epoch), shown);
        remove_oldest(copies.keep);
    }
    save_training_state(last(), state);
}

void RunFolder::remove_oldest(int keep) const {
    std::vector<int64_t> numbers = kept();
    if (keep <= 0 || numbers.size() <= size_t(keep)) return;
    numbers.resize(numbers.size() - size_t(keep));
    for (const int64_t epochs : numbers) {
        std::error_code ignored; // it is tried again after the next epoch
        fs::remove(after(epochs), ignored);
    }
}

std::string checkpoint_of(const std::string &model) {
    std::error_code ignored;
    if (!fs::is_directory(model, ignored)) return model;
    for (const char *name : {"best.safetensors", "last.safetensors"}) {
        const std::string path = (fs::path(model) / name).string();
        if (fs::exists(path)) return path;
    }
    throw Error(model +
                ": holds no checkpoint (best.safetensors, last.safetensors); a run folder of `afnet train` is " +
                "expected");
}

} // namespace afnet
