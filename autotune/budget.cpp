#include "autotune/budget.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

Budget parse_budget(const std::string &text) {
    const auto wrong = [&] {
        return UsageError(
            "--budget " + printable(text) +
            ": a number of candidates for each kernel, such as 40, or a time for all, such as 90s, 10m, 2h");
    };
    // Digits only: strtod also takes signs, spaces, hexadecimal numbers and names of infinities.
    const size_t digits = text.find_first_not_of("0123456789.");
    const std::string number = text.substr(0, digits), unit = digits == std::string::npos ? "" : text.substr(digits);
    char *end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != 0 || value <= 0 || value > 1e9) throw wrong();
    Budget budget;
    if (unit.empty()) {
        if (value != std::floor(value)) throw wrong();
        budget.candidates = size_t(value);
    } else if (unit == "s" || unit == "m" || unit == "h") {
        budget.seconds = value * (unit == "s" ? 1 : unit == "m" ? 60 : 3600);
    } else {
        throw wrong();
    }
    return budget;
}

std::string duration_text(double seconds) {
    char text[32];
    if (seconds < 90) {
        std::snprintf(text, sizeof text, "%.0f s", seconds);
    } else if (seconds < 5400) {
        std::snprintf(text, sizeof text, "%.0f min", seconds / 60);
    } else {
        std::snprintf(text, sizeof text, "%.1f h", seconds / 3600);
    }
    return text;
}

} // namespace afnet
