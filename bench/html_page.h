// One self-contained HTML page: style and pictures inside, well-formed as XML too, and no scripts but for the few lines
// that sort a table or unfold what a link leads to, where the page has the like. It follows the reader's dark or light
// setting, fits a phone, and prints.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace afnet {

/// A cell of a table that sorts.
struct PageCell {
    std::string text;
    std::vector<std::pair<std::string, std::string>> links = {}; // text and address, behind the cell's own text
};

class HtmlPage {
public:
    explicit HtmlPage(std::string title) : title_(std::move(title)) {}

    /// All of these take plain text and escape it.
    void heading(int level, const std::string &text);
    void paragraph(const std::string &text);
    /// Cells in the order of the titles; the first `names` columns hold words, the others numbers.
    void table(const std::vector<std::string> &titles, const std::vector<std::vector<std::string>> &rows,
               size_t names = 1);
    /// The same, sorted by a column where its title is clicked: numbers by value, words by letters, empty cells last.
    void sortable_table(const std::vector<std::string> &titles, const std::vector<std::vector<PageCell>> &rows,
                        size_t names = 1);
    /// Lines of code that a click on `title` shows, or a link to `#id`, which is a word.
    void folded(const std::string &id, const std::string &title, const std::vector<std::string> &lines);
    void definitions(const std::vector<std::pair<std::string, std::string>> &terms);

    /// Pictures (model/svg_plot.h) side by side where there is room.
    void figures(const std::vector<std::string> &svgs);

    std::string text() const;

private:
    std::string title_, body_;
    bool sorts_ = false, folds_ = false;
};

}  // namespace afnet
