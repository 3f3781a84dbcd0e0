// Rows of JSON objects as CSV (RFC 4180, but with line feeds alone).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace afnet {

/// A line of the first row's names, then a line for each row. Rows have the same fields in the same order; null is an
/// empty field.
std::string csv_text(const nlohmann::ordered_json &rows);

} // namespace afnet
