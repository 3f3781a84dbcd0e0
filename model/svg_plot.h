// Plots as inline SVG for a page that gives their classes colours, or as files: no scripts, nothing from elsewhere. All text is
// escaped, and points that are not finite (or not positive, on a logarithmic axis) are left out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace afnet {

/// Text as XML holds it: <, >, &, quotes as entities; what is not UTF-8, and controls that XML forbids, as U+FFFD.
std::string xml_text(const std::string &text);

struct PlotAxis {
    std::string label;
    bool logarithmic = false;
    std::optional<double> least,
        most;  // none: what the data need, from 0 where `least` is not given and data are above
};

struct PlotPoint {
    double x = 0, y = 0;
    std::string note;  // shown where a pointer rests on it
};

enum class PlotMark { Line, Dashes, Dots, LineWithDots };

struct PlotSeries {
    std::string name;  // in the legend; empty: not there
    std::vector<PlotPoint> points;
    PlotMark mark = PlotMark::LineWithDots;
    int colour = 0;  // the page's colours 0 to kPlotColours - 1; others wrap around
};
constexpr int kPlotColours = 8;

/// A plot of series over two axes.
struct LinePlot {
    std::string title;
    PlotAxis x, y;
    std::vector<PlotSeries> series;
};
std::string svg_plot(const LinePlot &plot);

/// One named row of a chart: a bar, dots, or both.
struct ChartRow {
    struct Bar {
        double from = 0, to = 0;
        int colour = 0;
    };
    struct Dot {
        double at = 0;
        size_t series = 0;  // of RowChart::series
    };
    std::string name;
    std::optional<Bar> bar;
    std::vector<Dot> dots;
    std::string note;   // at the row's right end
    bool rule = false;  // a line above it
};

/// Rows one below the other over one axis.
struct RowChart {
    std::string title;
    PlotAxis x;
    std::vector<std::string> series;  // names of dots, for the legend; colour by position
    std::vector<ChartRow> rows;
};
std::string svg_rows(const RowChart &chart);

/// CSS of plots. `colour` gives the values of `paper`, `ink`, `faint`, `grid`, and of series `c0` to `c7`.
std::string plot_rules(const std::function<std::string(const std::string &name)> &colour);

/// A plot as a file of its own, with colours for white paper.
std::string svg_file(const std::string &plot);

/// Round numbers from `least` to `most`, about `wanted` of them; on a logarithmic axis powers of ten, with 2 and 5
/// between where there are few.
std::vector<double> axis_ticks(double least, double most, bool logarithmic, int wanted);

}  // namespace afnet
