// A folder for results, found fit for them before a long measurement starts.
#pragma once

#include <string>
#include <vector>

namespace afnet {

class OutputFolder {
public:
    /// Makes the folder where it is missing, and writes and removes a file of `bytes` bytes in it. Throws Error where
    /// that fails: no permission, a file in its place, a full disk.
    OutputFolder(std::string path, size_t bytes);
    /// Folders that were made and stayed empty go again.
    ~OutputFolder();
    OutputFolder(const OutputFolder &) = delete;
    OutputFolder &operator=(const OutputFolder &) = delete;

    /// A whole file, or none (runtime/file_io.h).
    void write(const std::string &name, const std::string &contents) const;

private:
    std::string path_;
    std::vector<std::string> made_;  // outermost first
};

}  // namespace afnet
