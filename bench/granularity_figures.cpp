#include "bench/granularity_figures.h"

#include <algorithm>
#include <map>

#include "model/svg_plot.h"
#include "model/text_table.h"

namespace afnet {

namespace {

constexpr int kDense = 7; // colour

PlotAxis side_axis() {
    PlotAxis axis;
    axis.label = "pixels a side of a patch";
    axis.logarithmic = true;
    return axis;
}

std::string grid_text(const GranularityRow &row) {
    return "grid " + std::to_string(row.grid);
}

bool is_stage(const GranularityRow &row, const std::string &stage, const std::string &patches) {
    return row.layer == stage && row.stage == stage && row.patches == patches;
}

// Series in the order in which their names come up.
class SeriesList {
public:
    void add(const std::string &name, PlotPoint point) {
        const auto fits = [&](const PlotSeries &s) { return s.name == name; };
        auto found = std::find_if(series_.begin(), series_.end(), fits);
        if (found == series_.end()) {
            found = series_.insert(series_.end(), {name, {}, PlotMark::LineWithDots, int(series_.size())});
        }
        found->points.push_back(std::move(point));
    }
    std::vector<PlotSeries> sorted() {
        for (PlotSeries &s : series_)
            std::sort(s.points.begin(), s.points.end(), [](const auto &a, const auto &b) { return a.x < b.x; });
        return std::move(series_);
    }

private:
    std::vector<PlotSeries> series_;
};

} // namespace

std::string patch_share_figure(const GranularityCase &c, const std::string &patches, double rs) {
    LinePlot plot;
    plot.title = "Share of the gain that is realised, " + patches + ", RS " + decimal(rs, 2);
    plot.x = side_axis();
    plot.y.label = "share";
    SeriesList series;
    for (const GranularityRow &row : c.rows) {
        const std::optional<double> share = row.share();
        if (!is_stage(row, row.stage, patches) || row.rs != rs || !share) continue;
        series.add(row.stage, {row.patch_side(), *share,
                               row.stage + ", " + grid_text(row) + ": " + decimal(*share, 3) + " at RS " +
                                   decimal(row.realised_rs, 3)});
    }
    plot.series = series.sorted();
    return svg_plot(plot);
}

std::string patch_costs_figure(const GranularityCase &c, const std::string &stage, const std::string &patches,
                               double rs) {
    LinePlot plot;
    plot.title = "Beyond theory, " + stage + ", " + patches + ", RS " + decimal(rs, 2);
    plot.x = side_axis();
    plot.y.label = "% of the kernels without masks";
    SeriesList series;
    for (const GranularityRow &row : c.rows) {
        if (!is_stage(row, stage, patches) || row.rs != rs) continue;
        for (const CostLine &line : row.lines()) {
            const double percent = 100 * line.ms / row.costs.dense.sum();
            series.add(line.name, {row.patch_side(), percent,
                                   line.name + ", " + grid_text(row) + ": " + decimal(line.ms, 3) + " ms, " +
                                       decimal(percent, 1) + " %"});
        }
    }
    plot.series = series.sorted();
    return svg_plot(plot);
}

std::string patch_time_figure(const GranularityCase &c, const std::string &stage, const std::string &patches) {
    LinePlot plot;
    plot.title = "Time of " + stage + "'s focal blocks, " + patches;
    plot.x.label = "realised RS, the part of pixels that is selected";
    plot.x.least = 0;
    plot.x.most = 1.02;
    plot.y.label = "ms";
    plot.y.least = 0;
    SeriesList series;
    std::map<double, PlotPoint> whole; // of the first grid: the others' is the same
    double dense = 0;
    for (const GranularityRow &row : c.rows) {
        if (!is_stage(row, stage, patches)) continue;
        dense = row.costs.dense.sum();
        series.add(grid_text(row), {row.realised_rs, row.costs.listed_sum(),
                                    grid_text(row) + ", RS " + decimal(row.realised_rs, 3) + ": " +
                                        decimal(row.costs.listed_sum(), 3) + " ms"});
        whole.try_emplace(row.rs, PlotPoint{row.realised_rs, row.costs.whole, ""});
    }
    plot.series = series.sorted();
    PlotSeries all{"all pixels, mask applied", {}, PlotMark::Dashes, int(plot.series.size())};
    for (const auto &[rs, point] : whole)
        all.points.push_back(point);
    plot.series.push_back(std::move(all));
    plot.series.push_back({"without masks", {{0, dense, ""}, {1, dense, ""}}, PlotMark::Dashes, kDense});
    return svg_plot(plot);
}

} // namespace afnet
