#include "model/output_folder.h"

#include <filesystem>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/file_io.h"

namespace afnet {

namespace {

namespace fs = std::filesystem;

}  // namespace

OutputFolder::OutputFolder(std::string path, size_t bytes) : path_(std::move(path)) {
    const auto undo = [&] {
        std::error_code ignored;
        for (auto each = made_.rbegin(); each != made_.rend(); ++each) fs::remove(*each, ignored);
    };
    std::error_code fault;
    std::vector<fs::path> missing;
    for (fs::path each = fs::absolute(path_).lexically_normal(); !each.empty() && !fs::exists(each, fault);
         each = each.parent_path()) {
        if (each.has_filename()) missing.push_back(each);
    }
    try {
        for (auto each = missing.rbegin(); each != missing.rend(); ++each) {
            if (!fs::create_directory(*each, fault) && fault) {
                throw Error(path_ + ": cannot make the folder: " + fault.message());
            }
            made_.push_back(each->string());
        }
        if (!fs::is_directory(path_, fault)) throw Error(path_ + ": not a folder; --out takes one for several files");
        const std::string probe = path_ + "/.afnet-probe-" + std::to_string(::getpid());
        write_file(probe, std::string(bytes, ' '));
        fs::remove(probe, fault);
    } catch (const Error &) {
        undo();
        throw;
    }
}

OutputFolder::~OutputFolder() {
    std::error_code ignored;
    for (auto each = made_.rbegin(); each != made_.rend(); ++each) {
        if (fs::is_empty(*each, ignored)) fs::remove(*each, ignored);
    }
}

void OutputFolder::write(const std::string &name, const std::string &contents) const {
    write_file(path_ + "/" + name, contents);
}

}  // namespace afnet
