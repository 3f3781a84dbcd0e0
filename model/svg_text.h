// Pieces of SVG that all plots are made of.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/svg_plot.h"

namespace afnet {

/// The width of all plots in SVG units: about the pixels of a phone, so that text needs no magnifying there.
constexpr double kPlotWidth = 440;

/// A coordinate with one decimal.
std::string svg_number(double value);
/// A tick's value in as few digits as tell it from its neighbours.
std::string tick_text(double value);

/// `anchor`: start, middle or end.
std::string svg_text(double x, double y, const std::string &kind, const std::string &anchor, const std::string &text);
std::string svg_line(double x1, double y1, double x2, double y2, const std::string &kind);
/// A mark of series `colour`: shapes differ as well as colours. `note` shows where a pointer rests on it.
std::string svg_dot(double x, double y, int colour, const std::string &note);

/// The whole picture around `body`.
std::string svg_picture(double height, const std::string &title, const std::string &body);

/// Names beside their marks in lines below `top`; gives the SVG and the height that it takes.
struct LegendEntry {
    std::string name;
    int colour = 0;
    PlotMark mark = PlotMark::Dots;
};
std::pair<std::string, double> svg_legend(double left, double top, const std::vector<LegendEntry> &entries);

/// Values to positions.
class PlotScale {
public:
    PlotScale(double least, double most, bool logarithmic, double begin, double end);
    bool shows(double value) const;
    double operator()(double value) const;
    std::vector<double> ticks(int wanted) const { return axis_ticks(least_, most_, logarithmic_, wanted); }

private:
    double least_, most_;
    bool logarithmic_;
    double begin_, end_;
};

/// The range of an axis that has to show `values`.
std::pair<double, double> axis_range(const PlotAxis &axis, const std::vector<double> &values);

}  // namespace afnet
