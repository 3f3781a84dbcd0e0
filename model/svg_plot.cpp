#include "model/svg_plot.h"

#include <algorithm>
#include <map>

#include "model/svg_text.h"

namespace afnet {

namespace {

std::string colour_class(int colour) {
    return "c" + std::to_string(((colour % kPlotColours) + kPlotColours) % kPlotColours);
}

constexpr double kTop = 30, kPlotHeight = 250, kRight = kPlotWidth - 12;

std::string grid_of_x(const PlotScale &scale, const PlotAxis &axis, double left, double top, double bottom) {
    std::string body;
    for (double tick : scale.ticks(6)) {
        body += svg_line(scale(tick), top, scale(tick), bottom, "grid");
        body += svg_text(scale(tick), bottom + 15, "tick", "middle", tick_text(tick));
    }
    return body + svg_text((left + kRight) / 2, bottom + 32, "label", "middle", axis.label);
}

std::string grid_of_y(const PlotScale &scale, const PlotAxis &axis, double left) {
    std::string body;
    for (double tick : scale.ticks(5)) {
        body += svg_line(left, scale(tick), kRight, scale(tick), "grid");
        body += svg_text(left - 5, scale(tick) + 4, "tick", "end", tick_text(tick));
    }
    const std::string middle = svg_number(kTop + kPlotHeight / 2);
    return body + "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(13 " + middle +
           ") rotate(-90)\">" + xml_text(axis.label) + "</text>\n";
}

std::string drawn(const PlotSeries &series, const PlotScale &x, const PlotScale &y) {
    std::string path, dots;
    for (const PlotPoint &point : series.points) {
        if (!x.shows(point.x) || !y.shows(point.y)) continue;
        path += svg_number(x(point.x)) + "," + svg_number(y(point.y)) + " ";
        dots += svg_dot(x(point.x), y(point.y), series.colour, point.note);
    }
    std::string body;
    if (series.mark != PlotMark::Dots && !path.empty()) {
        body = "<polyline points=\"" + path + "\" class=\"" + (series.mark == PlotMark::Dashes ? "dashes " : "line ") +
               colour_class(series.colour) + "\"/>\n";
    }
    return series.mark == PlotMark::Dots || series.mark == PlotMark::LineWithDots ? body + dots : body;
}

}  // namespace

std::string svg_plot(const LinePlot &plot) {
    std::vector<double> xs, ys;
    std::vector<LegendEntry> legend;
    for (const PlotSeries &series : plot.series) {
        for (const PlotPoint &point : series.points) {
            xs.push_back(point.x);
            ys.push_back(point.y);
        }
        if (!series.name.empty()) legend.push_back({series.name, series.colour, series.mark});
    }
    const double left = 56, bottom = kTop + kPlotHeight;
    const auto [x_least, x_most] = axis_range(plot.x, xs);
    const auto [y_least, y_most] = axis_range(plot.y, ys);
    const PlotScale x(x_least, x_most, plot.x.logarithmic, left, kRight);
    const PlotScale y(y_least, y_most, plot.y.logarithmic, bottom, kTop);
    std::string body = grid_of_x(x, plot.x, left, kTop, bottom) + grid_of_y(y, plot.y, left);
    body += svg_line(left, kTop, left, bottom, "axis") + svg_line(left, bottom, kRight, bottom, "axis");
    for (const PlotSeries &series : plot.series) body += drawn(series, x, y);
    const auto [names, height] = svg_legend(left, bottom + 52, legend);
    return svg_picture(bottom + 46 + height, plot.title, body + names);
}

std::string svg_rows(const RowChart &chart) {
    constexpr double kRow = 18;
    std::vector<double> values = {0};
    size_t longest = 0, longest_note = 0;
    for (const ChartRow &row : chart.rows) {
        longest = std::max(longest, row.name.size());
        longest_note = std::max(longest_note, row.note.size());
        if (row.bar) values.insert(values.end(), {row.bar->from, row.bar->to});
        for (const ChartRow::Dot &dot : row.dots) values.push_back(dot.at);
    }
    const double left = 14 + std::min(6.0 * double(longest), 170.0);
    const double right = kRight - (longest_note > 0 ? 6.2 * double(longest_note) + 4 : 0);
    const double bottom = kTop + kRow * double(chart.rows.size());
    const auto [least, most] = axis_range(chart.x, values);
    const PlotScale x(least, most, false, left, right);
    std::string body;
    for (double tick : x.ticks(5)) {
        body += svg_line(x(tick), kTop, x(tick), bottom, tick == 0 ? "axis" : "grid");
        body += svg_text(x(tick), bottom + 15, "tick", "middle", tick_text(tick));
    }
    body += svg_text((left + right) / 2, bottom + 32, "label", "middle", chart.x.label);
    for (size_t i = 0; i < chart.rows.size(); i++) {
        const ChartRow &row = chart.rows[i];
        const double middle = kTop + kRow * (double(i) + 0.5);
        if (row.rule) body += svg_line(8, middle - kRow / 2, kRight, middle - kRow / 2, "axis");
        body += svg_text(left - 6, middle + 4, "tick", "end", row.name);
        if (row.bar && x.shows(row.bar->from) && x.shows(row.bar->to)) {
            const double from = x(std::min(row.bar->from, row.bar->to)), to = x(std::max(row.bar->from, row.bar->to));
            body += "<rect x=\"" + svg_number(from) + "\" y=\"" + svg_number(middle - 6) + "\" width=\"" +
                    svg_number(std::max(0.5, to - from)) + "\" height=\"12\" class=\"bar " +
                    colour_class(row.bar->colour) + "\"/>\n";
        }
        for (const ChartRow::Dot &dot : row.dots) {
            if (!x.shows(dot.at)) continue;
            const std::string name = dot.series < chart.series.size() ? chart.series[dot.series] : "";
            body += svg_dot(x(dot.at), middle, int(dot.series), row.name + ", " + name + ": " + tick_text(dot.at));
        }
        if (!row.note.empty()) body += svg_text(kRight, middle + 4, "tick", "end", row.note);
    }
    std::vector<LegendEntry> legend;
    for (size_t i = 0; i < chart.series.size(); i++) legend.push_back({chart.series[i], int(i), PlotMark::Dots});
    const auto [names, height] = svg_legend(14, bottom + 52, legend);
    return svg_picture(bottom + 46 + height, chart.title, body + names);
}

std::string plot_rules(const std::function<std::string(const std::string &name)> &colour) {
    std::string rules =
        "svg { font: 11px system-ui, -apple-system, \"Segoe UI\", \"Liberation Sans\", sans-serif; }\n"
        "svg text { fill: " + colour("ink") + "; } svg .title { font-size: 13px; font-weight: 600; }\n"
        "svg .tick, svg .label, svg .legend { fill: " + colour("faint") + "; }\n"
        "svg .grid { stroke: " + colour("grid") + "; } svg .axis { stroke: " + colour("faint") + "; }\n"
        "svg .line { fill: none; stroke-width: 2; }\n"
        "svg .dashes { fill: none; stroke-width: 2; stroke-dasharray: 5 4; }\n"
        "svg .dot { stroke: " + colour("paper") + "; stroke-width: 1; } svg .bar.c7 { fill-opacity: 0.4; }\n";
    for (int c = 0; c < kPlotColours; c++) {
        const std::string name = "c" + std::to_string(c), value = colour(name);
        rules += "svg .line." + name + ", svg .dashes." + name + " { stroke: " + value + "; } svg .dot." + name +
                 ", svg .bar." + name + " { fill: " + value + "; }\n";
    }
    return rules;
}

std::string svg_file(const std::string &plot) {
    static const std::map<std::string, std::string> kPaper = {
        {"paper", "#ffffff"}, {"ink", "#1c2126"}, {"faint", "#5c6670"}, {"grid", "#e3e7ea"},
        {"c0", "#0b63ae"},    {"c1", "#c2500a"},  {"c2", "#0a7f5a"},    {"c3", "#a3307f"},
        {"c4", "#7a6200"},    {"c5", "#5a4fc4"},  {"c6", "#b3261e"},    {"c7", "#4d5963"}};
    const std::string rules = plot_rules([](const std::string &name) { return kPaper.at(name); });
    const size_t inside = plot.find('>') + 1;
    return plot.substr(0, inside) + "\n<style>\n" + rules +
           "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"" + kPaper.at("paper") + "\"/>" +
           plot.substr(inside);
}

}  // namespace afnet
