#include "bench/sparsity_page.h"

#include <algorithm>
#include <sstream>

#include "bench/html_page.h"
#include "bench/sparsity_figures.h"
#include "model/text_table.h"

namespace afnet {

namespace {

std::string percent(double value) {
    return decimal(value, 2) + " %";
}

std::string or_dash(const std::optional<double> &value) {
    return value ? decimal(*value, 3) : "–";
}

void add_overview(HtmlPage &page, const SparsityResult &result) {
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> masks;
    for (const SparsityCase &c : result.cases) {
        for (const std::string &mask : c.masks()) {
            rows.push_back({c.title(), mask, decimal(c.dense_ms.median, 2),
                            decimal(c.dense_ms.median * (1 + c.full_ratio_overhead(mask)), 2),
                            percent(100 * c.full_ratio_overhead(mask)), or_dash(c.break_even(mask))});
            if (std::find(masks.begin(), masks.end(), mask) == masks.end()) masks.push_back(mask);
        }
    }
    page.heading(2, "Overview");
    page.table({"network", "mask", "without masks, ms", "RT 1, ms", "overhead at RT 1", "break-even RT"}, rows, 2);
    if (result.cases.size() < 2) return;
    std::vector<std::string> figures;
    for (const std::string &mask : masks) figures.push_back(speedup_figure(result.cases, mask));
    page.figures(figures);
}

void add_points(HtmlPage &page, const SparsityCase &c) {
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"none", "–", "–", decimal(c.dense_ms.median, 2), decimal(c.dense_ms.p95, 2), "–",
                    decimal(c.gmac_dense, 3), "1.000", "–", "1.000", "–", "–"});
    for (const SparsityPoint &p : c.points) {
        const SparsityAccount &a = p.account;
        rows.push_back({p.mask, decimal(p.rt, 3), decimal(p.realised_rt, 3), decimal(p.ms.median, 2),
                        decimal(p.ms.p95, 2), decimal(a.theory_ms, 2), decimal(p.gmac, 3),
                        decimal(a.speedup_measured, 3),
                        decimal(p.speedup.lower, 3) + " to " + decimal(p.speedup.upper, 3),
                        decimal(a.speedup_theory, 3), or_dash(a.share), or_dash(a.share_macs)});
    }
    page.table({"mask", "RT", "realised RT", "median ms", "p95 ms", "theory ms", "GMAC", "speed-up",
                "of half the rounds", "theoretical", "share", "share_macs"},
               rows);
}

void add_overheads(HtmlPage &page, const SparsityCase &c, const std::string &mask) {
    const std::vector<SparsityPoint> points = c.points_of(mask);
    std::vector<std::string> titles = {"beyond theory"};
    for (const SparsityPoint &p : points) {
        titles.push_back("RT " + decimal(p.realised_rt, 3) + ", ms");
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
    page.heading(3, "Where the rest goes, mask " + mask);
    page.paragraph("Time beyond theory, line by line; the percentages are of the network without masks.");
    page.table(titles, rows);
}

// A line per block, three columns per ratio.
void add_blocks(HtmlPage &page, const SparsityCase &c, const std::string &mask) {
    const std::vector<SparsityPoint> points = c.points_of(mask);
    std::vector<std::string> titles = {"block", "without masks"};
    for (const SparsityPoint &p : points) {
        titles.push_back("RT " + decimal(p.realised_rt, 3) + ": own RT");
        titles.insert(titles.end(), {"theory", "with masks"});
    }
    std::vector<std::vector<std::string>> rows;
    for (size_t b = 0; b < points.front().account.blocks.size(); b++) {
        const BlockTimes &dense = points.front().account.blocks[b];
        std::vector<std::string> cells = {dense.block, decimal(dense.dense_ms, 3)};
        for (const SparsityPoint &p : points) {
            const BlockTimes &block = p.account.blocks[b];
            cells.insert(cells.end(),
                         {decimal(block.realised_rt, 3), decimal(block.theory_ms, 3), decimal(block.masked_ms, 3)});
        }
        rows.push_back(std::move(cells));
    }
    page.heading(3, "Focal blocks, mask " + mask);
    page.paragraph("Gated kernels of each block in ms; with masks what fills unselected frames is added.");
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
    page.figures({time_figure(c), share_figure(c)});
    add_points(page, c);
    for (const std::string &mask : c.masks()) {
        add_overheads(page, c, mask);
        std::vector<std::string> figures = {block_figure(c, mask)};
        for (const SparsityPoint &point : c.points_of(mask)) figures.push_back(waterfall_figure(c, point));
        page.figures(figures);
        add_blocks(page, c, mask);
    }
    page.heading(3, "Roofline");
    page.figures({roofline_figure(c)});
    add_kernels(page, c);
}

const std::vector<std::pair<std::string, std::string>> &terms() {
    static const std::vector<std::pair<std::string, std::string>> all = {
        {"RT, realised RT", "The ratio of frames that focal blocks are asked to compute, and the part that they do: a "
                            "whole number of frames, mean over blocks."},
        {"mask",
         "Which frames. first: the first ones of each clip; alternating: every second, then the others; spread: "
         "at equal distances; random: drawn anew for each block and clip; clip: what the network's own "
         "navigation chooses on the given video; none: the network without masks."},
        {"without masks", "The same network with the same weights, compiled without navigation, work lists and fills: "
                          "focal blocks compute all frames with the kernels of any other block. It runs in turn with "
                          "the others."},
        {"gated kernels", "Those of focal blocks, which compute selected frames only."},
        {"theory",
         "The time without masks, less the part (1 - r) of the time that each focal block's gated kernels take "
         "there, where r is the block's realised RT. It allows for what each kernel costs, not for its MACs "
         "alone."},
        {"speed-up", "Time without masks over time with masks, medians of the same run; theoretical: over theory. "
                     "Of half the rounds: the quartiles of what single rounds give."},
        {"share", "(speed-up - 1) / (theoretical speed-up - 1): the part of the possible gain that is had. 1 is all of "
                  "it, below 0 masks cost time. At RT 1 there is no gain to be had."},
        {"share_macs", "The same with the ratio of MACs for the theoretical speed-up."},
        {"break-even RT", "The largest RT at which the network with masks takes no longer than without, interpolated "
                          "between measured ones."},
        {"navigation", "Mean over pixels and gate, which decide; they run although masks are forced."},
        {"index building", "A mask becomes a list of frames."},
        {"gather, compact, scatter", "The first, middle and last kernels of focal blocks, beyond the part r of their "
                                     "time without masks: what it costs to read by a list, to compute few frames, and "
                                     "to add onto frames of a list."},
        {"fill", "What unselected frames get from a focal block: the response to a frame of zeroes."},
        {"other layers", "Layers that masks do not touch, with masks less without: caches and noise."},
        {"between kernels", "Time of a run outside its kernels, with masks less without."},
        {"GMAC", "1e9 multiply-accumulates, of convolutions and linears."},
        {"MACs per byte",
         "MACs over the bytes that a kernel must move at the least: every element of what it reads and "
         "of what it writes, once. A kernel whose data stay in a cache may be above memory's roof."},
        {"FMA peak", "Multiply-accumulates per second of all threads busy in registers, measured in every round."},
    };
    return all;
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
    page.definitions(terms());
    return page.text();
}

}  // namespace afnet
