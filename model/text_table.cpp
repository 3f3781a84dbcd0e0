#include "model/text_table.h"

#include <algorithm>
#include <cstdio>

namespace afnet {

namespace {

std::string padded(const std::string &text, size_t width, char alignment) {
    const size_t spare = width - std::min(width, text.size());
    const size_t before = alignment == 'r' ? spare : alignment == 'c' ? spare / 2 : 0;
    return std::string(before, ' ') + text + std::string(spare - before, ' ');
}

}  // namespace

TextTable::TextTable(std::vector<std::string> titles, std::string alignment) : alignment_(std::move(alignment)) {
    add(std::move(titles));
    add_line();
}

void TextTable::add(std::vector<std::string> cells) {
    cells.resize(alignment_.size());
    rows_.push_back(std::move(cells));
}

void TextTable::add_line() {
    rows_.emplace_back();
}

std::string TextTable::text() const {
    std::vector<size_t> widths(alignment_.size(), 0);
    for (const auto &row : rows_) {
        for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string all;
    for (const auto &row : rows_) {
        std::string line;
        for (size_t i = 0; i < widths.size(); i++) {
            line += i == 0 ? "" : "  ";
            line += row.empty() ? std::string(widths[i], '-') : padded(row[i], widths[i], alignment_[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        all += line + "\n";
    }
    return all;
}

std::string one_line(std::string text) {
    for (char &c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return text;
}

std::string csv_field(const std::string &text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

std::string decimal(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

}  // namespace afnet
