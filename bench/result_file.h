// Results of `afnet bench --json`, read back to be compared.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace afnet {

/// One measurement of a result.
struct ResultRow {
    std::vector<std::pair<std::string, std::string>> identity; // what was measured: key and value
    double ms_median = 0, ms_p95 = 0;
    size_t samples = 0; // 0: the file does not tell
};

/// What says which machine a result is of; values in the words of the file.
struct ResultMachine {
    std::string cpu, target;
    std::string devices; // their names; empty where there are none beside the CPU
    int threads = 0;
    double fma_peak_gmac_per_s = 0, busy_share = 0;
};

struct BenchResult {
    std::string path;
    ResultMachine machine;
    std::vector<ResultRow> rows;
};

/// Reads what `afnet bench kernels`, `network` and `sparsity` print with --json. Throws Error with the row and the
/// field that is missing or makes no sense.
BenchResult read_result(const std::string &path);

}  // namespace afnet
