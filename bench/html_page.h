// One self-contained HTML page: style and pictures inside, no scripts, well-formed as XML too. It follows the reader's
// dark or light setting, fits a phone, and prints.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace afnet {

class HtmlPage {
public:
    explicit HtmlPage(std::string title) : title_(std::move(title)) {}

    /// All of these take plain text and escape it.
    void heading(int level, const std::string &text);
    void paragraph(const std::string &text);
    /// Cells in the order of the titles; the first `names` columns hold words, the others numbers.
    void table(const std::vector<std::string> &titles, const std::vector<std::vector<std::string>> &rows,
               size_t names = 1);
    void definitions(const std::vector<std::pair<std::string, std::string>> &terms);

    /// Pictures (model/svg_plot.h) side by side where there is room.
    void figures(const std::vector<std::string> &svgs);

    std::string text() const;

private:
    std::string title_, body_;
};

}  // namespace afnet
