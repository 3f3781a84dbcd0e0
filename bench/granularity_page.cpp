#include "bench/granularity_page.h"

#include <algorithm>
#include <sstream>

#include "bench/granularity_figures.h"
#include "bench/html_page.h"
#include "model/text_table.h"

namespace afnet {

namespace {

template <class Value, class Field> std::vector<Value> values_of(const GranularityCase &c, Field field) {
    std::vector<Value> values;
    for (const GranularityRow &row : c.rows) {
        const Value value = field(row);
        if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
    return values;
}

std::string grid_text(const GranularityRow &row) {
    return std::to_string(row.grid) + "x" + std::to_string(row.grid);
}

void add_break_evens(HtmlPage &page, const GranularityCase &c) {
    std::vector<std::vector<std::string>> rows;
    for (const BreakEven &even : break_evens(c.rows)) {
        rows.push_back({even.of.layer, even.of.patches, grid_text(even.of), decimal(even.of.patch_side(), 1),
                        std::to_string(even.of.tile_side), even.realised ? decimal(*even.realised, 3) : "none",
                        decimal(even.of.planned_break_even, 3)});
        if (even.of.layer == even.of.stage) page.paragraph(advice(even) + ".");
    }
    page.heading(3, "Break-even");
    page.table({"layer", "patches", "grid", "pixels a side", "tile", "break-even RS", "plans change at"}, rows, 2);
}

void add_rows(HtmlPage &page, const GranularityCase &c) {
    std::vector<std::string> titles = {"layer",       "patches",  "grid",     "pixels a side", "RS",
                                       "realised RS", "dense ms", "whole ms", "lists ms",      "share"};
    for (const CostLine &line : c.rows.front().lines())
        titles.push_back(line.name);
    titles.insert(titles.end(), {"computed", "read"});
    std::vector<std::vector<std::string>> rows;
    for (const GranularityRow &row : c.rows) {
        std::vector<std::string> cells = {row.layer,
                                          row.patches,
                                          grid_text(row),
                                          decimal(row.patch_side(), 1),
                                          decimal(row.rs, 2),
                                          decimal(row.realised_rs, 3),
                                          decimal(row.costs.dense.sum(), 3),
                                          decimal(row.costs.whole, 3),
                                          decimal(row.costs.listed_sum(), 3),
                                          row.share() ? decimal(*row.share(), 3) : "–"};
        for (const CostLine &line : row.lines())
            cells.push_back(decimal(line.ms, 3));
        cells.insert(cells.end(), {decimal(row.computed, 2), decimal(row.read, 2)});
        rows.push_back(std::move(cells));
    }
    page.heading(3, "Stages and blocks");
    page.table(titles, rows, 2);
}

void add_case(HtmlPage &page, const GranularityCase &c) {
    page.heading(2, c.title());
    if (c.rows.empty()) return page.paragraph("No map of a focal block is as large as a grid.");
    const auto shapes = values_of<std::string>(c, [](const GranularityRow &row) { return row.patches; });
    const auto stages = values_of<std::string>(c, [](const GranularityRow &row) { return row.stage; });
    const auto ratios = values_of<double>(c, [](const GranularityRow &row) { return row.rs; });
    std::vector<std::string> shares, times, costs;
    for (const std::string &shape : shapes) {
        for (const double rs : ratios) {
            if (rs < 1) shares.push_back(patch_share_figure(c, shape, rs));
        }
        for (const std::string &stage : stages) {
            times.push_back(patch_time_figure(c, stage, shape));
            for (const double rs : ratios)
                costs.push_back(patch_costs_figure(c, stage, shape, rs));
        }
    }
    page.figures(shares);
    page.figures(times);
    add_break_evens(page, c);
    page.heading(3, "Where the rest goes");
    page.figures(costs);
    add_rows(page, c);
}

const std::vector<std::pair<std::string, std::string>> &terms() {
    static const std::vector<std::pair<std::string, std::string>> all = {
        {"dense ms", "The gated kernels of the layer in the network without masks."},
        {"lists ms", "The same layer with a mask in space, at listed points: lists, convolutions, and what fills the "
                     "other pixels."},
        {"whole ms", "The same mask with all pixels computed and the rejected ones cleared: what plans do above their "
                     "break-even."},
        {"share", "What lists save, over what the mask leaves out: (dense - lists) / ((1 - RS) dense)."},
        {"realised RS", "The part of the layer's pixels that is selected."},
        {"index", "What makes a mask into lists: patch choice, list of points, list of tiles."},
        {"gather, compact, scatter", "First, middle and last convolutions, less RS of their time without masks; "
                                     "compact without halo."},
        {"halo",
         "What scattered patches cost the middle 3x3 convolution: its kernel by itself on the mask's list, less "
         "the same on a contiguous list of as many pixels in the same frames, in turn. Measured on a stage's "
         "first block, and taken for all of them."},
        {"fill", "What pixels that are not listed get."},
        {"computed, read", "Pixels that the tiles of the middle convolution compute, and read, over those that are "
                           "listed. Full tiles of 4 pixels a side read 2.25, of 2 pixels 4."},
        {"break-even RS", "The largest RS at which lists take no longer than all pixels with the mask applied, "
                          "interpolated between measured ones; plans change at their own, from "
                          "model/spatial_break_even.cpp."},
    };
    return all;
}

} // namespace

std::string granularity_page(const GranularityResult &result) {
    HtmlPage page("Patch sizes of AFNet");
    page.heading(1, "Masks in space: what the size of patches costs");
    std::istringstream machine(machine_text(result.machine));
    for (std::string line; std::getline(machine, line);)
        page.paragraph(line);
    page.paragraph("Unselected pixels: " + result.unselected + ". At most " + std::to_string(result.rounds) +
                   " rounds, all candidates of a network in turn; seed " + std::to_string(result.seed) +
                   ". All frames are selected.");
    for (const GranularityCase &c : result.cases)
        add_case(page, c);
    page.heading(2, "Terms");
    page.definitions(terms());
    return page.text();
}

} // namespace afnet
