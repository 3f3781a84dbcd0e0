// How much a search may cost.
#pragma once

#include <cstddef>
#include <string>

namespace afnet {

/// One of both: candidates for each kernel, or seconds for all kernels together.
struct Budget {
    size_t candidates = 0;
    double seconds = 0;
};

/// `40`: candidates; `90s`, `1.5m`, `2h`: time. Throws UsageError for anything else.
Budget parse_budget(const std::string &text);

/// A time for people: `45 s`, `12 min`, `3.5 h`.
std::string duration_text(double seconds);

} // namespace afnet
