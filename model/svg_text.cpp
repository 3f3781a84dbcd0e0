#include "model/svg_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace afnet {

namespace {

constexpr double kCharacter = 6.1;  // the mean width of a character of the legend, in SVG units

// The length of the UTF-8 sequence at `at`, 0 where there is none that XML may hold.
size_t sequence_at(const std::string &text, size_t at) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const unsigned first = byte(at);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    const size_t length = first >= 0xf0 && first < 0xf5   ? 4
                          : first >= 0xe0 && first < 0xf0 ? 3
                          : first >= 0xc2 && first < 0xe0 ? 2
                                                          : 0;
    unsigned code = length == 4 ? first & 0x07 : length == 3 ? first & 0x0f : first & 0x1f;
    for (size_t i = 1; i < length; i++) {
        if ((byte(at + i) & 0xc0) != 0x80) return 0;
        code = code << 6 | (byte(at + i) & 0x3f);
    }
    const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool forbidden = code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ||
                           code == 0xfffe || code == 0xffff || (code >= 0x80 && code < 0xa0);
    return forbidden ? 0 : length;
}

std::string class_of(int colour) {
    return "c" + std::to_string(((colour % kPlotColours) + kPlotColours) % kPlotColours);
}

}  // namespace

std::string xml_text(const std::string &text) {
    std::string result;
    for (size_t i = 0; i < text.size();) {
        const size_t length = sequence_at(text, i);
        if (length == 0) {
            result += "\xef\xbf\xbd";
            i++;
            continue;
        }
        switch (text[i]) {
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        case '&': result += "&amp;"; break;
        case '"': result += "&quot;"; break;
        case '\'': result += "&#39;"; break;
        default: result.append(text, i, length);
        }
        i += length;
    }
    return result;
}

std::string svg_number(double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.1f", std::clamp(value, -1e6, 1e6));
    return text;
}

std::string tick_text(double value) {
    if (std::abs(value) < 1e-12) return "0";
    char text[64];
    std::snprintf(text, sizeof text, std::abs(value) >= 1e6 ? "%.3g" : "%.6g", value);
    return text;
}

std::string svg_text(double x, double y, const std::string &kind, const std::string &anchor, const std::string &text) {
    return "<text x=\"" + svg_number(x) + "\" y=\"" + svg_number(y) + "\" class=\"" + kind + "\" text-anchor=\"" +
           anchor + "\">" + xml_text(text) + "</text>\n";
}

std::string svg_line(double x1, double y1, double x2, double y2, const std::string &kind) {
    return "<line x1=\"" + svg_number(x1) + "\" y1=\"" + svg_number(y1) + "\" x2=\"" + svg_number(x2) + "\" y2=\"" +
           svg_number(y2) + "\" class=\"" + kind + "\"/>\n";
}

std::string svg_dot(double x, double y, int colour, const std::string &note) {
    const std::string inside = note.empty() ? "" : "<title>" + xml_text(note) + "</title>";
    const std::string kind = " class=\"dot " + class_of(colour) + "\">" + inside;
    const double r = 3.5;
    const auto at = [&](double dx, double dy) { return svg_number(x + dx) + "," + svg_number(y + dy) + " "; };
    switch (colour % 4) {
    case 0: return "<circle cx=\"" + svg_number(x) + "\" cy=\"" + svg_number(y) + "\" r=\"3.5\"" + kind + "</circle>\n";
    case 1: return "<polygon points=\"" + at(-r, -r) + at(r, -r) + at(r, r) + at(-r, r) + "\"" + kind + "</polygon>\n";
    case 2:
        return "<polygon points=\"" + at(0, -r - 1) + at(r + 0.5, r) + at(-r - 0.5, r) + "\"" + kind + "</polygon>\n";
    default: break;
    }
    return "<polygon points=\"" + at(0, -r - 1) + at(r + 1, 0) + at(0, r + 1) + at(-r - 1, 0) + "\"" + kind +
           "</polygon>\n";
}

std::string svg_picture(double height, const std::string &title, const std::string &body) {
    return "<svg viewBox=\"0 0 " + svg_number(kPlotWidth) + " " + svg_number(height) +
           "\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"" + xml_text(title) + "\">\n" +
           svg_text(8, 16, "title", "start", title) + body + "</svg>\n";
}

std::pair<std::string, double> svg_legend(double left, double top, const std::vector<LegendEntry> &entries) {
    std::string body;
    double x = left, y = top;
    for (const LegendEntry &entry : entries) {
        const double width = 30 + kCharacter * double(entry.name.size());
        if (x > left && x + width > kPlotWidth - 8) {
            x = left;
            y += 17;
        }
        if (entry.mark != PlotMark::Dots) {
            body += svg_line(x, y, x + 18, y,
                             (entry.mark == PlotMark::Dashes ? "dashes " : "line ") + class_of(entry.colour));
        }
        if (entry.mark == PlotMark::Dots || entry.mark == PlotMark::LineWithDots)
            body += svg_dot(x + 9, y, entry.colour, "");
        body += svg_text(x + 23, y + 4, "legend", "start", entry.name);
        x += width;
    }
    return {body, entries.empty() ? 0 : y - top + 17};
}

PlotScale::PlotScale(double least, double most, bool logarithmic, double begin, double end)
    : least_(least), most_(most), logarithmic_(logarithmic), begin_(begin), end_(end) {}

bool PlotScale::shows(double value) const {
    return std::isfinite(value) && (!logarithmic_ || value > 0);
}

double PlotScale::operator()(double value) const {
    const double part =
        logarithmic_ ? std::log(value / least_) / std::log(most_ / least_) : (value - least_) / (most_ - least_);
    return begin_ + (end_ - begin_) * part;
}

std::pair<double, double> axis_range(const PlotAxis &axis, const std::vector<double> &values) {
    double least = INFINITY, most = -INFINITY;
    for (double value : values) {
        if (!std::isfinite(value) || (axis.logarithmic && value <= 0)) continue;
        least = std::min(least, value);
        most = std::max(most, value);
    }
    if (least > most) least = axis.logarithmic ? 1 : 0, most = 1;
    const double margin = axis.logarithmic ? 0 : 0.06 * (most - std::min(least, 0.0));
    least = axis.logarithmic ? least / 1.3 : least < 0 ? least - margin : 0;
    most = axis.logarithmic ? most * 1.3 : most > 0 ? most + margin : 0;
    least = axis.least.value_or(least);
    most = axis.most.value_or(most);
    if (!(most > least)) most = axis.logarithmic ? least * 10 : least + 1;
    return {least, most};
}

std::vector<double> axis_ticks(double least, double most, bool logarithmic, int wanted) {
    std::vector<double> ticks;
    if (!std::isfinite(least) || !std::isfinite(most) || !(most > least) || (logarithmic && least <= 0)) return ticks;
    if (logarithmic) {
        const int first = int(std::floor(std::log10(least))), last = int(std::ceil(std::log10(most)));
        const bool few = last - first <= 4;
        for (int power = first; power <= last; power++) {
            for (double factor : {1.0, 2.0, 5.0}) {
                const double tick = factor * std::pow(10.0, power);
                if ((factor == 1 || few) && tick >= least && tick <= most) ticks.push_back(tick);
            }
        }
        return ticks;
    }
    const double rough = (most - least) / std::max(1, wanted), power = std::pow(10.0, std::floor(std::log10(rough)));
    const double step = power * (rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10);
    // From a whole number of steps, so that 0 is 0 and no sum of roundings.
    for (double i = std::ceil(least / step - 1e-9); i * step <= most + 1e-9 * step && ticks.size() < 100; i++) {
        ticks.push_back(i * step);
    }
    return ticks;
}

}  // namespace afnet
