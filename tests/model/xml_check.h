// Whether a text is well-formed XML, as far as the program's pages use it.
#pragma once

#include <string>

namespace afnet {

/// The first fault, with where it is; empty where there is none. Knows elements, attributes in double quotes, the five
/// entities and numeric ones, and a document type.
std::string xml_fault(const std::string &text);

}  // namespace afnet
