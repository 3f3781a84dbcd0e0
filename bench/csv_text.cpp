#include "bench/csv_text.h"

#include "runtime/json.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

std::string field(const Json &value) {
    if (value.is_null()) return "";
    if (!value.is_string()) return value.dump();
    const std::string text = value;
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (char c : text)
        quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

} // namespace

std::string csv_text(const Json &rows) {
    std::string text;
    for (const Json &row : rows) {
        std::string names, values;
        for (const auto &[name, value] : row.items()) {
            names += (names.empty() ? "" : ",") + name;
            values += (values.empty() && names == name ? "" : ",") + field(value);
        }
        text += (text.empty() ? names + "\n" : "") + values + "\n";
    }
    return text;
}

} // namespace afnet
