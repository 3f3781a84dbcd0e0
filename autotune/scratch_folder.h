// Unfinished files, and how they get their names.
#pragma once

#include <string>

namespace afnet {

/// A folder for unfinished files, within another one, that disappears with the object. Throws Error, which ends in
/// `advice`, where none can be made.
class ScratchFolder {
public:
    explicit ScratchFolder(const std::string &parent, const std::string &advice = "");
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder &) = delete;
    ScratchFolder &operator=(const ScratchFolder &) = delete;
    const std::string &path() const { return path_; }

private:
    std::string path_;
};

/// Renames a file, over another where there is one. Throws Error.
void move_into_place(const std::string &from, const std::string &to);

} // namespace afnet
