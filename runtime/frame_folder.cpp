#include "runtime/frame_folder.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "runtime/error.h"
#include "runtime/image_file.h"

namespace afnet {

namespace {

constexpr const char *kKnownPrefixes[] = {"", "img_", "image_", "frame_", "frame"};
constexpr size_t kLongestNumber = 15; // digits; longer ones are no frame numbers

struct NumberedFile {
    int64_t number = 0;
    std::string path;
};

using Groups = std::map<std::string, std::vector<NumberedFile>>; // by prefix

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_picture(std::string extension) {
    for (char &c : extension)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

// Splits "img_00012.jpg" into "img_" and 12; nothing when it is no numbered picture.
std::optional<std::pair<std::string, int64_t>> parse_name(const std::filesystem::path &file) {
    const std::string stem = file.stem().string();
    if (!is_picture(file.extension().string())) return std::nullopt;
    size_t digits = stem.size();
    while (digits > 0 && is_digit(stem[digits - 1]))
        --digits;
    if (digits == stem.size() || stem.size() - digits > kLongestNumber) return std::nullopt;
    return std::make_pair(stem.substr(0, digits), static_cast<int64_t>(std::stoll(stem.substr(digits))));
}

Groups list_pictures(const std::string &folder, const MediaLimits &limits) {
    std::error_code failure;
    Groups groups;
    int64_t count = 0;
    std::filesystem::directory_iterator entry(folder, failure);
    for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
        const auto name = parse_name(entry->path());
        if (!name) continue;
        groups[name->first].push_back({name->second, entry->path().string()});
        if (++count <= limits.max_frames) continue;
        throw Error(folder + ": more than " + std::to_string(limits.max_frames) +
                    " pictures; no more are expected in one folder. Name a folder with the frames of one video");
    }
    if (failure) {
        throw Error(folder + ": cannot be listed: " + failure.message() +
                    "; a readable folder of frames expected. Check the path and its permissions");
    }
    return groups;
}

std::string quoted_prefixes(const Groups &groups) {
    std::string list;
    size_t shown = 0;
    for (const auto &[prefix, files] : groups) {
        if (++shown > 4) return list + " and others";
        list += (list.empty() ? "\"" : ", \"") + prefix + "\"";
    }
    return list;
}

std::string choose_prefix(const std::string &folder, const Groups &groups) {
    if (groups.size() == 1) return groups.begin()->first;
    for (const char *prefix : kKnownPrefixes) {
        if (groups.count(prefix)) return prefix;
    }
    throw Error(folder + ": pictures of different names beside each other: " + quoted_prefixes(groups) +
                "; one series of numbered frames expected. Move each series into a folder of its own");
}

// Numbers must be distinct, and should be without gaps.
void check_numbers(const std::string &folder, const std::vector<NumberedFile> &files,
                   std::vector<std::string> &warnings) {
    const auto same = std::adjacent_find(files.begin(), files.end(),
                                         [](const auto &a, const auto &b) { return a.number == b.number; });
    if (same != files.end()) {
        throw Error(folder + ": two files for frame number " + std::to_string(same->number) + ": " + same->path +
                    " and " + (same + 1)->path + "; one per number expected. Remove one of them");
    }
    const int64_t span = files.back().number - files.front().number + 1;
    const int64_t missing = span - static_cast<int64_t>(files.size());
    if (missing == 0) return;
    warnings.push_back(folder + ": " + std::to_string(missing) + " of the frame numbers " +
                       std::to_string(files.front().number) + " to " + std::to_string(files.back().number) +
                       " are missing; the others are taken as if they followed each other");
}

} // namespace

FrameFolder::FrameFolder(const std::string &path, const MediaLimits &limits) : path_(path), limits_(limits) {
    Groups groups = list_pictures(path, limits);
    if (groups.empty()) {
        throw Error(path +
                    ": holds no frames; pictures named like 00001.jpg or img_00001.png expected. Name the folder "
                    "that directly contains them");
    }
    const std::string prefix = choose_prefix(path, groups);
    std::vector<NumberedFile> &files = groups[prefix];
    std::sort(files.begin(), files.end(),
              [](const auto &a, const auto &b) { return std::tie(a.number, a.path) < std::tie(b.number, b.path); });
    check_numbers(path, files, warnings_);
    for (NumberedFile &file : files)
        files_.push_back(std::move(file.path));
    groups.erase(prefix);
    if (!groups.empty()) {
        warnings_.push_back(path + ": pictures that begin with " + quoted_prefixes(groups) +
                            " are left out; those that begin with \"" + prefix + "\" are taken");
    }
}

RgbFrame FrameFolder::read(int64_t index) {
    if (index < 0 || index >= frame_count()) {
        throw Error(path_ + ": frame " + std::to_string(index) + " asked for; 0 to " +
                    std::to_string(frame_count() - 1) + " expected");
    }
    return read_image(file(index), limits_, warnings_);
}

} // namespace afnet
