// Tables for people: aligned columns of text.
#pragma once

#include <string>
#include <vector>

namespace afnet {

class TextTable {
public:
    /// `alignment`: a letter for each column, l(eft), r(ight) or c(entre).
    TextTable(std::vector<std::string> titles, std::string alignment);

    /// One row, with a cell for each column.
    void add(std::vector<std::string> cells);
    /// A line of dashes between rows.
    void add_line();

    /// All of it, with a line under the titles, two spaces between columns, and no spaces at the ends of lines.
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;  // an empty one: a line
    std::string alignment_;
};

/// `text` with spaces instead of control characters: names come from files, and may neither break a line nor command a
/// terminal.
std::string one_line(std::string text);

/// `text` as a field of a CSV file: in quotes where it needs them.
std::string csv_field(const std::string &text);

/// `value` with a fixed number of decimals.
std::string decimal(double value, int decimals);

}  // namespace afnet
