// Who may include whom: the table of docs/architecture.md, checked.
#pragma once

#include <string>
#include <vector>

namespace afnet {

/// Every breach of the layering in the tree under `root`, as `file:line: what`; empty when there is none.
std::vector<std::string> layering_violations(const std::string &root);

}  // namespace afnet
