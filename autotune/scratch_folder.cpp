#include "autotune/scratch_folder.h"

#include <cstdlib>
#include <filesystem>

#include "runtime/error.h"

namespace afnet {

namespace fs = std::filesystem;

ScratchFolder::ScratchFolder(const std::string &parent, const std::string &advice)
    : path_(parent + "/unfinishedXXXXXX") {
    if (!::mkdtemp(path_.data())) throw Error(parent + ": cannot write here" + (advice.empty() ? "" : "; " + advice));
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void move_into_place(const std::string &from, const std::string &to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) throw Error(to + ": cannot write: " + error.message());
}

} // namespace afnet
