// Every measurement that was ever taken, one JSON object per line, only appended to: docs/formats.md. Two processes may
// append at once, and one that was killed in the middle of a line costs that line.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "autotune/measurement.h"

namespace afnet {

/// Now, as `2026-11-25T10:30:00Z`.
std::string utc_time();

class TuningLog {
public:
    /// Reads what the file holds; none is an empty log. Lines that are no measurements are left alone and counted.
    /// Throws Error for a file that cannot be read, or that is not a log at all.
    explicit TuningLog(std::string path);

    const std::string &path() const { return path_; }
    size_t measurements() const { return found_.size(); }
    size_t unreadable() const { return unreadable_; }

    /// The measurement under this key (the last one appended); nullptr where there is none.
    const Measurement *find(const std::string &key) const;

    /// Appends a line: `key`, the fields of `context`, the measurement, and the time. Throws Error when the line cannot
    /// be written whole; the log is then as it was.
    void append(const std::string &key, const nlohmann::ordered_json &context, const Measurement &measurement);

private:
    std::string path_;
    std::map<std::string, Measurement> found_;
    size_t unreadable_ = 0;
};

} // namespace afnet
