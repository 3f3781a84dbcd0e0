#include "tests/layering.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace afnet {

namespace {

namespace fs = std::filesystem;

// Folder -> which of the project's folders it may include from.
const std::map<std::string, std::set<std::string>> kAllowed = {
    {"schedules", {"schedules"}},
    {"generators", {"generators", "schedules"}},
    {"runtime", {"runtime"}},
    {"model", {"model", "runtime"}},
    {"autotune", {"autotune", "model", "runtime"}},
    {"bench", {"bench", "autotune", "model", "runtime"}},
    {"tests", {"tests", "bench", "autotune", "model", "runtime", "generators", "schedules"}},
};

// Foreign headers, by how their path starts -> folders that may include them.
const std::vector<std::pair<std::string, std::set<std::string>>> kForeign = {
    {"Halide.h", {"schedules", "generators"}},
    {"HalideRuntime", {"runtime", "tests"}},
    {"HalideBuffer.h", {"tests"}},
    {"libav", {"runtime", "tests"}},
    {"libsw", {"runtime", "tests"}},
    {"jpeglib.h", {"runtime"}},
    {"png.h", {"runtime"}},
    {"mpi.h", {"runtime"}},
    {"Eigen", {"tests", "model", "autotune"}},
    {"catch2", {"tests"}},
    {"CLI/", {"model"}},
};

struct Line {
    std::string folder, text, where;
};

std::string first_component(const std::string &path) {
    return path.substr(0, path.find('/'));
}

void check_include(const Line &line, const std::string &path, bool quoted, std::vector<std::string> &breaches) {
    const std::string owner = first_component(path);
    if (kAllowed.count(owner) && path.find('/') != std::string::npos) {
        if (!kAllowed.at(line.folder).count(owner)) breaches.push_back(line.where + line.folder + "/ may not include " + path);
        return;
    }
    for (const auto &[prefix, folders] : kForeign) {
        if (path.rfind(prefix, 0) == 0) {
            if (!folders.count(line.folder)) breaches.push_back(line.where + line.folder + "/ may not include " + path);
            return;
        }
    }
    if (quoted || path.find("..") != std::string::npos) {
        breaches.push_back(line.where + "include \"" + path + "\" does not start at the root of the tree");
    }
}

// The runtime never prints or exits: callers decide.
void check_silence(const Line &line, std::vector<std::string> &breaches) {
    static const std::regex loud("\\b(printf|fprintf|puts|fputs|perror|abort|exit|_exit|quick_exit|terminate)\\s*\\(|"
                                 "std::(cout|cerr|clog)\\b");
    if (line.folder == "runtime" && std::regex_search(line.text, loud)) {
        breaches.push_back(line.where + "the runtime may neither print nor exit: " + line.text);
    }
}

}  // namespace

std::vector<std::string> layering_violations(const std::string &root) {
    static const std::regex include("^\\s*#\\s*include\\s*([\"<])([^\">]+)[\">]");
    std::vector<std::string> breaches;
    for (const auto &[folder, allowed] : kAllowed) {
        if (!fs::exists(root + "/" + folder)) continue;
        for (const auto &entry : fs::recursive_directory_iterator(root + "/" + folder)) {
            const std::string extension = entry.path().extension().string();
            if (extension != ".h" && extension != ".cpp") continue;
            std::ifstream file(entry.path());
            std::string text;
            for (int number = 1; std::getline(file, text); number++) {
                const std::string comment_free = text.substr(0, text.find("//"));
                const Line line = {folder, comment_free,
                                   fs::relative(entry.path(), root).string() + ":" + std::to_string(number) + ": "};
                std::smatch match;
                if (std::regex_search(comment_free, match, include)) {
                    check_include(line, match[2], match[1] == "\"", breaches);
                } else {
                    check_silence(line, breaches);
                }
            }
        }
    }
    std::sort(breaches.begin(), breaches.end());
    return breaches;
}

}  // namespace afnet
