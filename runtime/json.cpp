#include "runtime/json.h"

namespace nlohmann {

template class basic_json<>;

namespace detail {

template class iter_impl<const json>;
template class json_sax_dom_callback_parser<json>;
template class json_sax_dom_parser<json>;
template class lexer<json, TextAdapter>;
template class parser<json, TextAdapter>;
template class serializer<json>;

}  // namespace detail
}  // namespace nlohmann
