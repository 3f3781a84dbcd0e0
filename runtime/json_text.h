// JSON as text.
#pragma once

#include <string>

namespace afnet {

/// `document`, a nlohmann::json or ordered_json, on one line or indented by `indent`. Names of files need not be UTF-8;
/// JSON must be: what is not is replaced.
template <class Json>
std::string json_text(const Json &document, int indent = -1) {
    return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}

} // namespace afnet
