#include "bench/sparsity_page.h"

#include <algorithm>
#include <sstream>

#include "bench/html_page.h"
#include "bench/sparsity_figures.h"
#include "bench/sparsity_terms.h"
#include "model/text_table.h"

namespace afnet {

namespace {

std::string percent(double value) {
    return decimal(value, 2) + " %";
}

std::string or_dash(const std::optional<double> &value) {
    return value ? decimal(*value, 3) : "–";
}

std::string ratio_text(const SparsitySeries &series, const SparsityPoint &point) {
    return std::string(series.ratio_name()) + " " + decimal(series.ratio(point), 3);
}

void add_overview(HtmlPage &page, const SparsityResult &result) {
    std::vector<std::vector<std::string>> frames, patches;
    std::vector<std::string> titles;
    for (const SparsityCase &c : result.cases) {
        for (const SparsitySeries &s : c.series()) {
            const double base = c.base_ms(s), overhead = s.full_overhead(base);
            std::vector<std::string> row = {c.title(),
                                            s.title(),
                                            decimal(base, 2),
                                            decimal(base * (1 + overhead), 2),
                                            percent(100 * overhead),
                                            or_dash(s.break_even(base))};
            (s.spatial() ? patches : frames).push_back(std::move(row));
            if (std::find(titles.begin(), titles.end(), s.title()) == titles.end()) titles.push_back(s.title());
        }
    }
    page.heading(2, "Overview");
    if (!frames.empty()) {
        page.table({"network", "mask", "without masks, ms", "RT 1, ms", "overhead at RT 1", "break-even RT"}, frames,
                   2);
    }
    if (!patches.empty()) {
        page.table({"network", "mask", "all patches, ms", "RS 1, ms", "overhead at RS 1", "break-even RS"}, patches, 2);
    }
    if (result.cases.size() < 2) return;
    std::vector<std::string> figures;
    for (const std::string &title : titles)
        figures.push_back(speedup_figure(result.cases, title));
    page.figures(figures);
}

void add_points(HtmlPage &page, const SparsityCase &c) {
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"none", "–", "–", "–", "–", "–", decimal(c.dense_ms.median, 2), decimal(c.dense_ms.p95, 2), "–",
                    decimal(c.gmac_dense, 3), "1.000", "–", "1.000", "–", "–"});
    for (const SparsityPoint &p : c.points) {
        const SparsityAccount &a = p.account;
        const std::string side = std::to_string(p.grid);
        rows.push_back({p.mask, p.spatial() ? p.patches + " " + side + "x" + side : "–", decimal(p.rt, 3),
                        decimal(p.realised_rt, 3), p.spatial() ? decimal(p.rs, 3) : "–",
                        p.spatial() ? decimal(p.realised_rs, 3) : "–", decimal(p.ms.median, 2), decimal(p.ms.p95, 2),
                        decimal(a.theory_ms, 2), decimal(p.gmac, 3), decimal(a.speedup_measured, 3),
                        decimal(p.speedup.lower, 3) + " to " + decimal(p.speedup.upper, 3),
                        decimal(a.speedup_theory, 3), or_dash(a.share), or_dash(a.share_macs)});
    }
    page.table({"mask", "patches", "RT", "realised RT", "RS", "realised RS", "median ms", "p95 ms", "theory ms", "GMAC",
                "speed-up", "of half the rounds", "theoretical", "share", "share_macs"},
               rows, 2);
}

void add_overheads(HtmlPage &page, const SparsitySeries &series) {
    const std::vector<SparsityPoint> &points = series.points;
    std::vector<std::string> titles = {"beyond theory"};
    for (const SparsityPoint &p : points) {
        titles.push_back(ratio_text(series, p) + ", ms");
        titles.push_back("%");
    }
    std::vector<std::vector<std::string>> rows;
    for (size_t line = 0; line < points.front().account.overheads.size(); line++) {
        std::vector<std::string> cells = {points.front().account.overheads[line].name};
        for (const SparsityPoint &p : points) {
            cells.push_back(decimal(p.account.overheads[line].ms, 3));
            cells.push_back(decimal(p.account.overheads[line].percent, 2));
        }
        rows.push_back(std::move(cells));
    }
    page.heading(3, "Where the rest goes, mask " + series.title());
    page.paragraph("Time beyond theory, line by line; the percentages are of the network without masks.");
    page.table(titles, rows);
}

// A line per block, three columns per ratio.
void add_blocks(HtmlPage &page, const SparsitySeries &series) {
    const std::vector<SparsityPoint> &points = series.points;
    std::vector<std::string> titles = {"block", "without masks"};
    for (const SparsityPoint &p : points) {
        titles.push_back(ratio_text(series, p) + ": own " + series.ratio_name());
        titles.insert(titles.end(), {"theory", "with masks"});
    }
    std::vector<std::vector<std::string>> rows;
    for (size_t b = 0; b < points.front().account.blocks.size(); b++) {
        const BlockTimes &dense = points.front().account.blocks[b];
        std::vector<std::string> cells = {dense.block, decimal(dense.dense_ms, 3)};
        for (const SparsityPoint &p : points) {
            const BlockTimes &block = p.account.blocks[b];
            cells.insert(cells.end(), {decimal(series.spatial() ? block.realised.rs : block.realised.rt, 3),
                                       decimal(block.theory_ms, 3), decimal(block.masked_ms, 3)});
        }
        rows.push_back(std::move(cells));
    }
    page.heading(3, "Focal blocks, mask " + series.title());
    page.paragraph("Gated kernels of each block in ms; with masks what fills unselected frames and pixels is added.");
    page.table(titles, rows);
}

void add_kernels(HtmlPage &page, const SparsityCase &c) {
    std::vector<std::vector<std::string>> rows;
    for (const KernelRate &k : c.kernels) {
        rows.push_back({k.kernel, k.masked ? "with masks" : "without", std::to_string(k.count), decimal(k.ms, 3),
                        decimal(k.gmac_per_s, 1), decimal(100 * k.gmac_per_s / c.peak.fma_gmac_per_s, 1),
                        decimal(k.macs_per_byte, 2), decimal(k.bytes_per_s / 1e9, 2)});
    }
    page.heading(3, "Kernels");
    page.table({"kernel", "network", "calls", "ms", "GMAC/s", "% of FMA peak", "MAC/B", "GB/s"}, rows, 2);
}

void add_case(HtmlPage &page, const SparsityCase &c) {
    page.heading(2, c.title());
    const std::vector<std::vector<SparsitySeries>> groups = c.groups();
    std::vector<std::string> pictures;
    for (const std::vector<SparsitySeries> &group : groups) {
        pictures.push_back(time_figure(c, group));
        pictures.push_back(share_figure(group));
    }
    page.figures(pictures);
    add_points(page, c);
    for (const SparsitySeries &series : c.series()) {
        add_overheads(page, series);
        std::vector<std::string> figures = {block_figure(series)};
        for (const SparsityPoint &point : series.points)
            figures.push_back(waterfall_figure(c, series, point));
        page.figures(figures);
        add_blocks(page, series);
    }
    if (c.kernels.empty()) return; // of a device
    page.heading(3, "Roofline");
    page.figures({roofline_figure(c)});
    add_kernels(page, c);
}

}  // namespace

std::string sparsity_page(const SparsityResult &result) {
    HtmlPage page("Dynamic sparsity of AFNet");
    page.heading(1, "Dynamic sparsity: what masks turn into time");
    std::istringstream machine(machine_text(result.machine));
    for (std::string line; std::getline(machine, line);) page.paragraph(line);
    page.paragraph("Unselected frames: " + result.unselected + ". At most " + std::to_string(result.rounds) +
                   " rounds, all candidates of a network in turn; seed " + std::to_string(result.seed) +
                   ". Times are medians of runs without decoding and preprocessing.");
    add_overview(page, result);
    for (const SparsityCase &c : result.cases) add_case(page, c);
    page.heading(2, "Terms");
    page.definitions(sparsity_terms());
    return page.text();
}

}  // namespace afnet
