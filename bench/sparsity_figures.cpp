#include "bench/sparsity_figures.h"

#include <algorithm>
#include <cmath>

#include "model/svg_plot.h"
#include "model/text_table.h"

namespace afnet {

namespace {

constexpr int kDense = 7, kSaved = 2, kLost = 1, kTotal = 0;  // colours
constexpr double kNoise = 0.0005;  // of a bar's picture: what is shorter is drawn but not told

PlotAxis ratio_axis(bool spatial) {
    PlotAxis axis;
    axis.label = spatial ? "realised RS, the part of pixels that focal blocks compute in their frames"
                         : "realised RT, the part of frames that focal blocks compute";
    axis.least = 0;
    axis.most = 1.02;
    return axis;
}

std::string ms_text(double ms) {
    return decimal(ms, std::abs(ms) < 1 ? 3 : 2);
}

std::string signed_ms(double ms) {
    return (ms > 0 ? "+" : "") + ms_text(ms);
}

std::string ratio_text(const SparsitySeries &series, const SparsityPoint &point) {
    return std::string(series.ratio_name()) + " " + decimal(series.ratio(point), 3);
}

// What all series of a picture share; nothing of masks of frames alone.
std::string shared_title(const std::vector<SparsitySeries> &group) {
    const SparsitySeries &first = group.front();
    if (!first.spatial()) return "";
    return ", mask " + first.mask + ", " + first.patches + " " + std::to_string(first.grid) + "x" +
           std::to_string(first.grid);
}

// What tells a series from the others of its picture.
std::string series_name(const SparsitySeries &series) {
    return series.spatial() ? "RT " + decimal(series.rt, 3) : series.mask;
}

}  // namespace

std::string time_figure(const SparsityCase &c, const std::vector<SparsitySeries> &group) {
    LinePlot plot;
    plot.title = "Time of a run" + shared_title(group);
    plot.x = ratio_axis(group.front().spatial());
    plot.y.label = "ms, median";
    plot.y.least = 0;
    plot.series.push_back(
        {"without masks", {{0, c.dense_ms.median, ""}, {1, c.dense_ms.median, ""}}, PlotMark::Dashes, kDense});
    int colour = 0;
    for (const SparsitySeries &s : group) {
        PlotSeries measured{series_name(s), {}, PlotMark::LineWithDots, colour},
            theory{series_name(s) + ", theory", {}, PlotMark::Dashes, colour};
        for (const SparsityPoint &p : s.points) {
            measured.points.push_back({s.ratio(p), p.ms.median,
                                       ratio_text(s, p) + ": " + ms_text(p.ms.median) + " ms, p95 " +
                                           ms_text(p.ms.p95) + ", theory " + ms_text(p.account.theory_ms)});
            theory.points.push_back({s.ratio(p), p.account.theory_ms, ""});
        }
        plot.series.push_back(std::move(measured));
        plot.series.push_back(std::move(theory));
        colour++;
    }
    return svg_plot(plot);
}

std::string share_figure(const std::vector<SparsitySeries> &group) {
    const bool spatial = group.front().spatial();
    LinePlot plot;
    plot.title = "Share of the gain that is realised" + shared_title(group);
    plot.x = ratio_axis(spatial);
    plot.y.label = "share";
    plot.series.push_back({"all of it", {{0, 1, ""}, {1, 1, ""}}, PlotMark::Dashes, kDense});
    int colour = 0;
    for (const SparsitySeries &s : group) {
        PlotSeries times{series_name(s) + ", share", {}, PlotMark::LineWithDots, colour++};
        PlotSeries macs{series_name(s) + ", share_macs", {}, PlotMark::LineWithDots, colour};
        for (const SparsityPoint &p : s.points) {
            const auto add = [&](PlotSeries &series, const std::optional<double> &share) {
                if (share) series.points.push_back({s.ratio(p), *share, ratio_text(s, p) + ": " + decimal(*share, 3)});
            };
            add(times, p.account.share);
            add(macs, p.account.share_macs);
        }
        plot.series.push_back(std::move(times));
        if (spatial) continue; // many ratios of frames
        plot.series.push_back(std::move(macs));
        colour++;
    }
    return svg_plot(plot);
}

std::string block_figure(const SparsitySeries &series) {
    RowChart chart;
    const std::vector<SparsityPoint> &points = series.points;
    chart.title = "Time of each focal block, mask " + series.title();
    chart.x.label = "ms; grey bar: without masks, marks: with";
    for (const SparsityPoint &point : points)
        chart.series.push_back(ratio_text(series, point));
    for (size_t b = 0; b < points.front().account.blocks.size(); b++) {
        ChartRow row;
        row.name = points.front().account.blocks[b].block;
        row.bar = ChartRow::Bar{0, points.front().account.blocks[b].dense_ms, kDense};
        for (size_t i = 0; i < points.size(); i++) row.dots.push_back({points[i].account.blocks[b].masked_ms, i});
        row.note = ms_text(row.bar->to);
        chart.rows.push_back(std::move(row));
    }
    return svg_rows(chart);
}

std::string waterfall_figure(const SparsityCase &c, const SparsitySeries &series, const SparsityPoint &point) {
    RowChart chart;
    chart.title = "What " + ratio_text(series, point) + " saves and costs, mask " + series.title();
    chart.x.label = "ms beside the network without masks (" + ms_text(c.dense_ms.median) + " ms)";
    double at = 0;
    const auto step = [&](const std::string &name, double ms) {
        ChartRow row;
        row.name = name;
        row.bar = ChartRow::Bar{at, at + ms, ms <= 0 ? kSaved : kLost};
        if (std::abs(ms) > kNoise * c.dense_ms.median) row.note = signed_ms(ms);
        chart.rows.push_back(std::move(row));
        at += ms;
    };
    // Gather, compact, scatter and fill are in the blocks' times.
    for (const BlockTimes &block : point.account.blocks) step(block.block, block.masked_ms - block.dense_ms);
    for (const Overhead &overhead : point.account.overheads) {
        for (const char *name : {"navigation", "spatial navigation", "index building", "patch choice", "patch lists",
                                 "other layers", "between kernels"}) {
            if (overhead.name == name) step(name, overhead.ms);
        }
    }
    const auto total = [&](const std::string &name, double ms, bool rule) {
        ChartRow row;
        row.name = name;
        row.bar = ChartRow::Bar{0, ms, kTotal};
        row.note = signed_ms(ms);
        row.rule = rule;
        chart.rows.push_back(std::move(row));
    };
    total("measured", point.ms.median - c.dense_ms.median, true);
    total("theory", point.account.theory_ms - c.dense_ms.median, false);
    return svg_rows(chart);
}

std::string roofline_figure(const SparsityCase &c) {
    const double peak = c.peak.fma_gmac_per_s, memory_bytes_per_s = c.peak.memory.best();
    LinePlot plot;
    plot.title = "Roofline: kernels below the machine's roof";
    plot.x.label = "MACs per byte that must be moved";
    plot.y.label = "GMAC/s";
    plot.x.logarithmic = plot.y.logarithmic = true;
    PlotSeries dense{"without masks", {}, PlotMark::Dots, 0}, masked{"with masks, RT 1", {}, PlotMark::Dots, 1};
    double least = 1, most = 1;
    for (const KernelRate &k : c.kernels) {
        least = std::min(least, k.macs_per_byte);
        most = std::max(most, k.macs_per_byte);
        (k.masked ? masked : dense)
            .points.push_back({k.macs_per_byte, k.gmac_per_s,
                               k.kernel + ": " + decimal(k.gmac_per_s, 1) + " GMAC/s, " + decimal(k.macs_per_byte, 1) +
                                   " MAC/B, " + std::to_string(k.count) + " times"});
    }
    PlotSeries roof{memory_bytes_per_s > 0 ? "roof: memory, FMA peak" : "roof: FMA peak", {}, PlotMark::Line, kDense};
    const double corner = memory_bytes_per_s > 0 ? peak * 1e9 / memory_bytes_per_s : 0;
    if (corner > least) roof.points.push_back({least, least * memory_bytes_per_s / 1e9, ""});
    if (corner > least && corner < most) roof.points.push_back({corner, peak, ""});
    if (corner <= least) roof.points.push_back({least, peak, ""});
    roof.points.push_back({most, corner < most ? peak : most * memory_bytes_per_s / 1e9, ""});
    plot.series = {roof, dense, masked};
    return svg_plot(plot);
}

std::string speedup_figure(const std::vector<SparsityCase> &cases, const std::string &title) {
    LinePlot plot;
    plot.title = "Speed-up over the network without masks, mask " + title;
    plot.y.label = "times";
    double least = 1;
    int colour = 0;
    for (const SparsityCase &c : cases) {
        for (const SparsitySeries &s : c.series()) {
            if (s.title() != title) continue;
            plot.x = ratio_axis(s.spatial());
            PlotSeries series{c.title(), {}, PlotMark::LineWithDots, colour++};
            for (const SparsityPoint &p : s.points) {
                least = std::min(least, p.account.speedup_measured);
                series.points.push_back(
                    {s.ratio(p), p.account.speedup_measured,
                     c.title() + ", " + ratio_text(s, p) + ": " + decimal(p.account.speedup_measured, 3) + "x"});
            }
            plot.series.push_back(std::move(series));
        }
    }
    plot.y.least = std::max(0.0, least - 0.05);
    return svg_plot(plot);
}

}  // namespace afnet
