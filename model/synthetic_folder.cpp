#include "model/synthetic_folder.h"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "runtime/json_text.h"
#include "runtime/video_writer.h"

namespace afnet {

namespace {

namespace fs = std::filesystem;

constexpr const char *kList = "list.txt", *kClasses = "classes.txt", *kTruth = "key_frames.json",
                     *kPatches = "key_patches.json", *kSettings = "dataset.json", *kVideos = "videos";
constexpr size_t kMostSettingsBytes = 1 << 16;

nlohmann::ordered_json settings_json(const SyntheticSettings &s) {
    return {{"format", "afnet-data-set/1"},
            {"data_set", s.data_set},
            {"seed", s.seed},
            {"first", s.first},
            {"clips", s.clips},
            {"frames", s.frames},
            {"keys", s.keys},
            {"size", s.size},
            {"hold", s.hold},
            {"fps", s.fps},
            {"qp", s.qp}};
}

// What is in the folder already, as far as its settings say: the fields that differ from `wanted`, for people.
std::string differences(const std::string &path, const nlohmann::ordered_json &wanted) {
    const auto found =
        nlohmann::ordered_json::parse(read_file(path, kMostSettingsBytes), nullptr, /*allow_exceptions=*/false);
    if (!found.is_object()) return std::string("its ") + kSettings + " cannot be read";
    std::string text;
    for (const auto &[key, value] : wanted.items()) {
        if (found.contains(key) && found.at(key) == value) continue;
        text += (text.empty() ? "" : ", ") + key + " " + (found.contains(key) ? json_text(found.at(key)) : "missing") +
                " instead of " + json_text(value);
    }
    return text;
}

// Names that write_clip() uses, and those of files that it had not finished when it was killed.
bool is_video_name(const std::string &name) {
    const size_t digits = name.find_first_not_of("0123456789");
    if (digits == std::string::npos || digits < 6) return false;
    const std::string rest = name.substr(digits);
    return rest == ".mp4" || (rest.rfind(".mp4.tmp", 0) == 0 && rest.size() == 14);
}

VideoSettings video_settings(const SyntheticSettings &settings) {
    VideoSettings video;
    video.width = video.height = settings.size;
    video.fps = settings.fps;
    video.qp = settings.qp;
    video.group = settings.hold; // a drawn frame's pictures depend on no other: order shows in nothing but order
    return video;
}

void make_folder(const std::string &path) {
    std::error_code fault;
    fs::create_directories(path, fault);
    if (fault) throw Error(path + ": cannot make the folder: " + fault.message());
}

void remove_file(const std::string &path) {
    std::error_code fault;
    fs::remove(path, fault);
    if (fault) throw Error(path + ": cannot remove: " + fault.message());
}

void check_unused(const std::string &path, const SyntheticSettings &settings) {
    std::error_code fault;
    const bool empty = fs::is_empty(path, fault);
    if (fault) throw Error(path + ": cannot read the folder: " + fault.message());
    if (empty) return;
    const std::string found = path + "/" + kSettings;
    const std::string other =
        fs::exists(found, fault) ? differences(found, settings_json(settings)) : "it holds no data set of this kind";
    if (other.empty()) return;
    throw Error(path + ": the folder is not empty, and " + other + "; name another folder, or say --force");
}

void remove_videos(const std::string &folder) {
    std::error_code fault;
    if (!fs::exists(folder, fault)) return;
    std::vector<std::string> paths;
    for (const auto &entry : fs::directory_iterator(folder, fault)) {
        if (is_video_name(entry.path().filename().string())) paths.push_back(entry.path().string());
    }
    if (fault) throw Error(folder + ": cannot read the folder: " + fault.message());
    for (const std::string &path : paths)
        remove_file(path);
}

} // namespace

std::string settings_text(const SyntheticSettings &settings) {
    return json_text(settings_json(settings));
}

SyntheticFolder::SyntheticFolder(std::string path, const SyntheticSettings &settings, bool force)
    : path_(std::move(path)), settings_(settings), set_(synthetic_data_set(settings.data_set)),
      labels_(size_t(settings.clips)), key_frames_(size_t(settings.clips)), key_patches_(size_t(settings.clips)) {
    const VideoWriter probe(path_, video_settings(settings_)); // refuses before anything is touched
    make_folder(path_);
    if (!force) check_unused(path_, settings_);
    // The list goes first, so that it never names what is not there.
    remove_file(path_ + "/" + kList);
    remove_file(path_ + "/" + kTruth);
    remove_file(path_ + "/" + kPatches);
    remove_videos(path_ + "/" + kVideos);
    // From here on the folder is known to be ours, also where this run is cut short.
    write_file(path_ + "/" + kSettings, json_text(settings_json(settings_), 2) + "\n");
    make_folder(path_ + "/" + kVideos);
    std::string names;
    for (const std::string &name : set_.classes)
        names += name + "\n";
    write_file(path_ + "/" + kClasses, names);
}

std::string SyntheticFolder::video_name(size_t clip) const {
    char name[32];
    std::snprintf(name, sizeof name, "%06lld.mp4", (long long)(settings_.first + int64_t(clip)));
    return std::string(kVideos) + "/" + name;
}

size_t SyntheticFolder::write_clip(size_t clip) {
    const SyntheticClip drawn = draw_clip(settings_, uint32_t(settings_.first + int64_t(clip)));
    labels_[clip] = drawn.label;
    key_frames_[clip] = drawn.key_frames;
    key_patches_[clip] = drawn.key_patches;
    VideoWriter writer(path_ + "/" + video_name(clip), video_settings(settings_));
    for (const RgbFrame &frame : drawn.frames) {
        const RgbFrame shown = enlarged(frame, settings_.size / set_.side);
        for (int i = 0; i < settings_.hold; ++i)
            writer.add(shown);
    }
    return writer.finish();
}

std::string SyntheticFolder::list_text() const {
    std::string text;
    for (size_t clip = 0; clip < labels_.size(); ++clip) {
        text += video_name(clip) + " " + std::to_string(labels_[clip]) + "\n";
    }
    return text;
}

// A line per clip, which keeps a large file fit for line tools.
std::string SyntheticFolder::truth_text(const std::string &head,
                                        const std::function<std::string(size_t)> &of_clip) const {
    std::string text = "{" + head + ", \"frames\": " + std::to_string(settings_.frames) +
                       ", \"hold\": " + std::to_string(settings_.hold) + ", \"clips\": {\n";
    for (size_t clip = 0; clip < labels_.size(); ++clip) {
        text += json_text(nlohmann::json(video_name(clip))) + ": " + of_clip(clip) +
                (clip + 1 < labels_.size() ? ",\n" : "\n");
    }
    return text + "}}\n";
}

std::string SyntheticFolder::key_frames_text() const {
    return truth_text("\"format\": \"afnet-key-frames/1\"",
                      [&](size_t clip) { return json_text(nlohmann::json(key_frames_[clip])); });
}

std::string SyntheticFolder::key_patches_text() const {
    const std::string head = "\"format\": \"afnet-key-patches/1\", \"grid\": " + std::to_string(set_.grid);
    return truth_text(head, [&](size_t clip) {
        nlohmann::json patches = nlohmann::json::array();
        for (const KeyPatch &patch : key_patches_[clip])
            patches.push_back({patch.frame, patch.column, patch.row});
        return json_text(patches);
    });
}

void SyntheticFolder::finish() const {
    if (set_.has_keys()) write_file(path_ + "/" + kTruth, key_frames_text());
    if (set_.grid > 0) write_file(path_ + "/" + kPatches, key_patches_text());
    write_file(path_ + "/" + kList, list_text());
}

} // namespace afnet
