#include "bench/sparsity_figures.h"

#include <algorithm>
#include <cmath>

#include "model/svg_plot.h"
#include "model/text_table.h"

namespace afnet {

namespace {

constexpr int kDense = 7, kSaved = 2, kLost = 1, kTotal = 0;  // colours
constexpr double kNoise = 0.0005;  // of a bar's picture: what is shorter is drawn but not told

PlotAxis ratio_axis() {
    PlotAxis axis;
    axis.label = "realised RT, the part of frames that focal blocks compute";
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

}  // namespace

std::string time_figure(const SparsityCase &c) {
    LinePlot plot;
    plot.title = "Time of a run";
    plot.x = ratio_axis();
    plot.y.label = "ms, median";
    plot.y.least = 0;
    plot.series.push_back(
        {"without masks", {{0, c.dense_ms.median, ""}, {1, c.dense_ms.median, ""}}, PlotMark::Dashes, kDense});
    int colour = 0;
    for (const std::string &mask : c.masks()) {
        PlotSeries measured{mask, {}, PlotMark::LineWithDots, colour},
            theory{mask + ", theory", {}, PlotMark::Dashes, colour};
        for (const SparsityPoint &p : c.points_of(mask)) {
            measured.points.push_back({p.realised_rt, p.ms.median,
                                       "RT " + decimal(p.realised_rt, 3) + ": " + ms_text(p.ms.median) + " ms, p95 " +
                                           ms_text(p.ms.p95) + ", theory " + ms_text(p.account.theory_ms)});
            theory.points.push_back({p.realised_rt, p.account.theory_ms, ""});
        }
        plot.series.push_back(std::move(measured));
        plot.series.push_back(std::move(theory));
        colour++;
    }
    return svg_plot(plot);
}

std::string share_figure(const SparsityCase &c) {
    LinePlot plot;
    plot.title = "Share of the gain that is realised";
    plot.x = ratio_axis();
    plot.y.label = "share";
    plot.series.push_back({"all of it", {{0, 1, ""}, {1, 1, ""}}, PlotMark::Dashes, kDense});
    int colour = 0;
    for (const std::string &mask : c.masks()) {
        PlotSeries times{mask + ", share", {}, PlotMark::LineWithDots, colour++};
        PlotSeries macs{mask + ", share_macs", {}, PlotMark::LineWithDots, colour++};
        for (const SparsityPoint &p : c.points_of(mask)) {
            const auto add = [&](PlotSeries &series, const std::optional<double> &share) {
                if (!share) return;
                series.points.push_back(
                    {p.realised_rt, *share, "RT " + decimal(p.realised_rt, 3) + ": " + decimal(*share, 3)});
            };
            add(times, p.account.share);
            add(macs, p.account.share_macs);
        }
        plot.series.push_back(std::move(times));
        plot.series.push_back(std::move(macs));
    }
    return svg_plot(plot);
}

std::string block_figure(const SparsityCase &c, const std::string &mask) {
    RowChart chart;
    const std::vector<SparsityPoint> points = c.points_of(mask);
    chart.title = "Time of each focal block, mask " + mask;
    chart.x.label = "ms; grey bar: without masks, marks: with";
    for (const SparsityPoint &point : points) chart.series.push_back("RT " + decimal(point.realised_rt, 3));
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

std::string waterfall_figure(const SparsityCase &c, const SparsityPoint &point) {
    RowChart chart;
    chart.title = "What RT " + decimal(point.realised_rt, 3) + " saves and costs, mask " + point.mask;
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
        for (const char *name : {"navigation", "index building", "other layers", "between kernels"}) {
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

std::string speedup_figure(const std::vector<SparsityCase> &cases, const std::string &mask) {
    LinePlot plot;
    plot.title = "Speed-up over the network without masks, mask " + mask;
    plot.x = ratio_axis();
    plot.y.label = "times";
    double least = 1;
    int colour = 0;
    for (const SparsityCase &c : cases) {
        PlotSeries series{c.title(), {}, PlotMark::LineWithDots, colour++};
        for (const SparsityPoint &p : c.points_of(mask)) {
            series.points.push_back({p.realised_rt, p.account.speedup_measured,
                                     c.title() + ", RT " + decimal(p.realised_rt, 3) + ": " +
                                         decimal(p.account.speedup_measured, 3) + "x"});
        }
        for (const PlotPoint &point : series.points) least = std::min(least, point.y);
        if (!series.points.empty()) plot.series.push_back(std::move(series));
    }
    plot.y.least = std::max(0.0, least - 0.05);
    return svg_plot(plot);
}

}  // namespace afnet
