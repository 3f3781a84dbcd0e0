// nlohmann-json with its class templates compiled once, in json.cpp: every file that instantiates them for itself takes
// twice as long to compile. Include this in place of <nlohmann/json.hpp>.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace nlohmann {

extern template class basic_json<>;

namespace detail {

using TextAdapter = iterator_input_adapter<std::string::const_iterator>;

extern template class iter_impl<const json>;
extern template class json_sax_dom_callback_parser<json>;
extern template class json_sax_dom_parser<json>;
extern template class lexer<json, TextAdapter>;
extern template class parser<json, TextAdapter>;
extern template class serializer<json>;

} // namespace detail
} // namespace nlohmann
