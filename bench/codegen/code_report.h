// Results of `afnet codegen` as text, as JSON and as a page.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/codegen/code_difference.h"

namespace afnet {

struct CodegenResult {
    std::vector<KernelCode> codes; // by kernel, then variant
    std::vector<CodeDifference> differences;
    std::string output;               // folder of the emitted files; empty: none
    std::string model;                // whose shapes were measured, or empty
    std::vector<std::string> remarks; // about all of it
};

std::string report_text(const CodegenResult &result);
nlohmann::ordered_json report_json(const CodegenResult &result);

/// A page without anything from elsewhere: sums by target, for each target a table that sorts at a click, and every
/// main loop, folded. `files` leads from the page's folder to that of the emitted files; empty: no links.
std::string report_page(const CodegenResult &result, const std::string &title, const std::string &files);

} // namespace afnet
