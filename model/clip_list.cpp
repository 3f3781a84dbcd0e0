#include "model/clip_list.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "runtime/json_text.h"
#include "runtime/text.h"

namespace afnet {

namespace {

namespace fs = std::filesystem;

constexpr int kMostLabel = 99'999; // a model has at most 100,000 classes
constexpr int kMostGrid = 64;
constexpr const char *kBlanks = " \t";
constexpr const char *kByteOrderMark = "\xef\xbb\xbf";

bool is_number(std::string_view text) {
    const size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
    return text.size() > sign && text.find_first_not_of("0123456789", sign) == std::string_view::npos;
}

// Nothing where the number does not lie between the bounds.
std::optional<int64_t> number_in(std::string_view text, int64_t least, int64_t most) {
    int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
    return value;
}

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Takes the last field from `text`.
std::string_view take_last(std::string_view &text) {
    const size_t blank = text.find_last_of(kBlanks);
    const size_t begin = blank == std::string_view::npos ? 0 : blank + 1;
    const std::string_view field = text.substr(begin);
    text = trimmed(text.substr(0, begin));
    return field;
}

// Calls `take(number, line)` for each line, counted from 1, without its end.
template <class Take> void for_each_line(std::string_view text, const Take &take) {
    if (text.substr(0, 3) == kByteOrderMark) text.remove_prefix(3);
    for (size_t number = 1; !text.empty(); ++number) {
        const size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        take(number, line);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
}

ListedClip parse_line(std::string_view line, const std::string &where) {
    std::string_view rest = line;
    const std::string_view label = take_last(rest);
    ListedClip clip;
    if (rest.empty() || !is_number(label)) {
        throw Error(where + ": " + printable(line) + "; `path label` or `path frames label` expected");
    }
    const auto value = number_in(label, 0, kMostLabel);
    if (!value)
        throw Error(where + ": label " + printable(label) + "; 0 to " + std::to_string(kMostLabel) + " expected");
    clip.label = int(*value);
    std::string_view before = rest;
    const std::string_view frames = take_last(before);
    if (!before.empty() && is_number(frames)) {
        const auto count = number_in(frames, 1, INT64_MAX);
        if (!count) throw Error(where + ": " + printable(frames) + " frames; at least 1 expected");
        clip.frames = *count;
        rest = before;
    }
    if (rest.find('\0') != std::string_view::npos)
        throw Error(where + ": path " + printable(rest) + " holds a zero byte");
    clip.name = std::string(rest);
    return clip;
}

fs::path folder_of(const std::string &path) {
    return fs::path(path).parent_path();
}

std::vector<int> parse_key_frames(const nlohmann::json &json, int frames, const std::string &where) {
    std::vector<int> keys = json.get<std::vector<int>>();
    const bool ascending =
        std::adjacent_find(keys.begin(), keys.end(), [](int a, int b) { return a >= b; }) == keys.end();
    if (!ascending || (!keys.empty() && (keys.front() < 0 || keys.back() >= frames))) {
        throw Error(where + ": key frames " + json.dump() + "; ascending numbers from 0 to " +
                    std::to_string(frames - 1) + " expected");
    }
    return keys;
}

} // namespace

std::vector<ListedClip> read_clip_list(const std::string &path, const std::string &root) {
    const std::string text = read_file(path);
    const fs::path folder = root.empty() ? folder_of(path) : fs::path(root);
    std::vector<ListedClip> clips;
    for_each_line(text, [&](size_t number, std::string_view line) {
        line = trimmed(line);
        if (line.empty() || line[0] == '#') return;
        ListedClip clip = parse_line(line, path + ":" + std::to_string(number));
        clip.path = (folder / clip.name).string();
        clips.push_back(std::move(clip));
    });
    if (clips.empty()) throw Error(path + ": lists no clips; lines `path label` or `path frames label` expected");
    return clips;
}

size_t drop_short_clips(std::vector<ListedClip> &clips, int64_t least) {
    const auto kept = std::remove_if(clips.begin(), clips.end(),
                                     [&](const ListedClip &clip) { return clip.frames > 0 && clip.frames < least; });
    const size_t dropped = size_t(clips.end() - kept);
    clips.erase(kept, clips.end());
    return dropped;
}

std::vector<std::string> class_names(const std::string &list_path) {
    for (const char *file : {"classes.txt", "labels.txt", "category.txt"}) {
        const std::string path = (folder_of(list_path) / file).string();
        std::error_code ignored;
        if (!fs::exists(path, ignored)) continue;
        std::string text = read_file(path);
        if (!is_utf8(text)) throw Error(path + ": is no UTF-8; names of classes, one a line, expected");
        text.erase(text.find_last_not_of(" \t\r\n") + 1);
        std::vector<std::string> names;
        for_each_line(text, [&](size_t number, std::string_view line) {
            if (trimmed(line).empty()) {
                throw Error(path + ":" + std::to_string(number) + ": an empty line; the name of class " +
                            std::to_string(number - 1) + " expected");
            }
            names.emplace_back(trimmed(line));
        });
        if (names.empty()) throw Error(path + ": is empty; names of classes, one a line, expected");
        return names;
    }
    return {};
}

std::optional<KeyPatches> key_patches(const std::string &list_path) {
    const std::string path = (folder_of(list_path) / "key_patches.json").string();
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return std::nullopt;
    KeyPatches truth;
    const auto number = [&](const nlohmann::json &json, int below, const std::string &what) {
        if (!json.is_number_integer() || json < 0 || json >= below) {
            throw Error(path + ": " + what + " is " + json_text(json) + "; a number from 0 to " +
                        std::to_string(below - 1) + " expected");
        }
        return json.get<int>();
    };
    try {
        const auto json = nlohmann::json::parse(read_file(path));
        if (json.at("format") != "afnet-key-patches/1") throw Error(path + ": not of format afnet-key-patches/1");
        json.at("frames").get_to(truth.frames);
        json.at("hold").get_to(truth.hold);
        json.at("grid").get_to(truth.grid);
        if (truth.frames < 1 || truth.hold < 1) throw Error(path + ": frames and hold must be at least 1");
        if (truth.grid < 1 || truth.grid > kMostGrid)
            throw Error(path + ": grid must be 1 to " + std::to_string(kMostGrid));
        for (const auto &[name, patches] : json.at("clips").items()) {
            std::vector<KeyPatch> &keys = truth.clips[name];
            for (const auto &patch : patches) {
                const std::string of = "of " + printable(name) + " ";
                keys.push_back({number(patch.at(0), truth.frames, of + "a frame"),
                                number(patch.at(1), truth.grid, of + "a column"),
                                number(patch.at(2), truth.grid, of + "a row")});
            }
        }
    } catch (const nlohmann::json::exception &error) {
        throw Error(path + ": not a file of key patches: " + error.what());
    }
    return truth;
}

std::optional<KeyFrames> key_frames(const std::string &list_path) {
    const std::string path = (folder_of(list_path) / "key_frames.json").string();
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return std::nullopt;
    KeyFrames truth;
    try {
        const auto json = nlohmann::json::parse(read_file(path));
        if (json.at("format") != "afnet-key-frames/1") throw Error(path + ": not of format afnet-key-frames/1");
        json.at("frames").get_to(truth.frames);
        json.at("hold").get_to(truth.hold);
        if (truth.frames < 1 || truth.hold < 1) throw Error(path + ": frames and hold must be at least 1");
        for (const auto &[name, keys] : json.at("clips").items()) {
            truth.clips[name] = parse_key_frames(keys, truth.frames, path + ": " + printable(name));
        }
    } catch (const nlohmann::json::exception &error) {
        throw Error(path + ": not a file of key frames: " + error.what());
    }
    return truth;
}

} // namespace afnet
