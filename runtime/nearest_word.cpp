#include "runtime/nearest_word.h"

#include <algorithm>

namespace afnet {

namespace {

size_t distance(const std::string &a, const std::string &b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size(); i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); j++) {
            const size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

} // namespace

std::string nearest_word(const std::string &word, const std::vector<std::string> &known) {
    return *std::min_element(known.begin(), known.end(), [&](const std::string &a, const std::string &b) {
        return distance(word, a) < distance(word, b);
    });
}

} // namespace afnet
