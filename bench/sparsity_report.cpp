#include "bench/sparsity_report.h"

#include <algorithm>

#include "bench/csv_text.h"
#include "model/text_table.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<double> &value) {
    return value ? Json(*value) : Json();
}

std::string percent(double value) {
    return decimal(value, 1) + " %";
}

// What every object says about where it was measured.
Json case_fields(const SparsityCase &c) {
    return {{"model", c.model}, {"frames", c.frames},   {"size", c.size},
            {"batch", c.batch}, {"threads", c.threads}, {"dtype", c.dtype}};
}

Json with(Json fields, const Json &more) {
    fields.update(more);
    return fields;
}

Json row(const SparsityResult &result, const SparsityCase &c, const SparsityPoint &p) {
    const SparsityAccount &a = p.account;
    return with(case_fields(c), {{"target", result.target},
                                 {"mask", p.mask},
                                 {"rt", p.rt},
                                 {"realised_rt", p.realised_rt},
                                 {"ms_median", p.ms.median},
                                 {"ms_p95", p.ms.p95},
                                 {"gmac", p.gmac},
                                 {"gmac_dense", c.gmac_dense},
                                 {"speedup_theory", a.speedup_theory},
                                 {"speedup_measured", a.speedup_measured},
                                 {"share", number_or_null(a.share)},
                                 {"share_macs", number_or_null(a.share_macs)},
                                 {"ms_theory", a.theory_ms},
                                 {"speedup_lower", p.speedup.lower},
                                 {"speedup_upper", p.speedup.upper},
                                 {"ms_best", p.ms.best},
                                 {"samples", p.ms.samples},
                                 {"unselected", result.unselected},
                                 {"patches", p.spatial() ? Json(p.patches) : Json()},
                                 {"grid", p.spatial() ? Json(p.grid) : Json()},
                                 {"rs", p.rs},
                                 {"realised_rs", p.realised_rs}});
}

// The network without masks, as a row like the others.
SparsityPoint dense_point(const SparsityCase &c) {
    SparsityPoint point;
    point.mask = "none";
    point.ms = c.dense_ms;
    point.gmac = c.gmac_dense;
    point.account.theory_ms = c.dense_ms.median;
    return point;
}

Json rows_of(const SparsityResult &result) {
    Json rows = Json::array();
    for (const SparsityCase &c : result.cases) {
        rows.push_back(row(result, c, dense_point(c)));
        for (const SparsityPoint &point : c.points) rows.push_back(row(result, c, point));
    }
    return rows;
}

Json summaries_of(const SparsityResult &result) {
    Json summaries = Json::array();
    for (const SparsityCase &c : result.cases) {
        for (const SparsitySeries &series : c.series()) {
            if (series.spatial()) continue;
            const double overhead = series.full_overhead(c.dense_ms.median);
            summaries.push_back(
                with(case_fields(c), {{"mask", series.mask},
                                      {"ms_dense", c.dense_ms.median},
                                      {"ms_full", c.dense_ms.median * (1 + overhead)},
                                      {"full_overhead", overhead},
                                      {"break_even_rt", number_or_null(series.break_even(c.dense_ms.median))}}));
        }
    }
    return summaries;
}

// Against the network with the same masks of frames alone.
Json patch_summaries_of(const SparsityResult &result) {
    Json summaries = Json::array();
    for (const SparsityCase &c : result.cases) {
        for (const SparsitySeries &series : c.series()) {
            if (!series.spatial()) continue;
            const double base = c.base_ms(series), overhead = series.full_overhead(base);
            summaries.push_back(with(case_fields(c), {{"mask", series.mask},
                                                      {"rt", series.rt},
                                                      {"patches", series.patches},
                                                      {"grid", series.grid},
                                                      {"ms_all_patches", base},
                                                      {"ms_full", base * (1 + overhead)},
                                                      {"full_overhead", overhead},
                                                      {"break_even_rs", number_or_null(series.break_even(base))}}));
        }
    }
    return summaries;
}

// Which point of a case something belongs to.
Json point_fields(const SparsityPoint &p) {
    Json fields = {{"mask", p.mask}, {"rt", p.rt}};
    if (p.spatial()) fields.update({{"patches", p.patches}, {"grid", p.grid}, {"rs", p.rs}});
    return fields;
}

template <class Item, class Fields>
Json per_point(const SparsityResult &result, const std::vector<Item> SparsityAccount::*items, Fields fields) {
    Json all = Json::array();
    for (const SparsityCase &c : result.cases) {
        for (const SparsityPoint &point : c.points) {
            const Json where = with(case_fields(c), point_fields(point));
            for (const Item &item : point.account.*items) all.push_back(with(where, fields(item)));
        }
    }
    return all;
}

Json kernels_of(const SparsityResult &result) {
    Json kernels = Json::array();
    for (const SparsityCase &c : result.cases) {
        for (const KernelRate &k : c.kernels) {
            kernels.push_back(with(case_fields(c), {{"network", k.masked ? "masked" : "dense"},
                                                    {"kernel", k.kernel},
                                                    {"count", k.count},
                                                    {"ms", k.ms},
                                                    {"gmac_per_s", k.gmac_per_s},
                                                    {"bytes_per_s", k.bytes_per_s},
                                                    {"macs_per_byte", k.macs_per_byte}}));
        }
    }
    return kernels;
}

std::string ratio_or_dash(const std::optional<double> &value) {
    return value ? decimal(*value, 3) : "-";
}

// Columns of masks in space where there are any.
std::string points_text(const SparsityCase &c) {
    const bool spatial = std::any_of(c.points.begin(), c.points.end(), [](const auto &p) { return p.spatial(); });
    std::vector<std::string> titles = {"mask", "RT", "realised"};
    if (spatial) titles.insert(titles.end(), {"patches", "RS", "realised"});
    const size_t times = titles.size();
    for (const char *title :
         {"median ms", "p95 ms", "theory ms", "GMAC", "speed-up", "theory", "share", "share MACs"}) {
        titles.push_back(title);
    }
    TextTable table(titles, std::string(spatial ? "lrrlrr" : "lrr") + std::string(titles.size() - times, 'r'));
    std::vector<std::string> none(times, "-");
    none[0] = "none";
    none.insert(none.end(), {decimal(c.dense_ms.median, 2), decimal(c.dense_ms.p95, 2), "-", decimal(c.gmac_dense, 3),
                             "1.000x", "1.000x", "-", "-"});
    table.add(none);
    for (const SparsityPoint &p : c.points) {
        const SparsityAccount &a = p.account;
        std::vector<std::string> cells = {p.mask, decimal(p.rt, 3), decimal(p.realised_rt, 3)};
        if (spatial && p.spatial()) {
            const std::string side = std::to_string(p.grid);
            cells.insert(cells.end(),
                         {p.patches + " " + side + "x" + side, decimal(p.rs, 3), decimal(p.realised_rs, 3)});
        } else if (spatial) {
            cells.insert(cells.end(), {"-", "-", "-"});
        }
        cells.insert(cells.end(),
                     {decimal(p.ms.median, 2), decimal(p.ms.p95, 2), decimal(a.theory_ms, 2), decimal(p.gmac, 3),
                      decimal(a.speedup_measured, 3) + "x", decimal(a.speedup_theory, 3) + "x", ratio_or_dash(a.share),
                      ratio_or_dash(a.share_macs)});
        table.add(cells);
    }
    return table.text();
}

// A line per overhead, a column per ratio.
std::string overheads_text(const SparsitySeries &series) {
    const std::vector<SparsityPoint> &points = series.points;
    std::vector<std::string> titles = {"beyond theory, ms (% of none)"};
    for (const SparsityPoint &p : points)
        titles.push_back(std::string(series.ratio_name()) + " " + decimal(series.ratio(p), 3));
    TextTable table(titles, "l" + std::string(points.size(), 'r'));
    for (size_t line = 0; line < points.front().account.overheads.size(); line++) {
        std::vector<std::string> cells = {points.front().account.overheads[line].name};
        if (line + 1 == points.front().account.overheads.size()) table.add_line();
        for (const SparsityPoint &p : points) {
            const Overhead &overhead = p.account.overheads[line];
            cells.push_back(decimal(overhead.ms, 3) + " (" + percent(overhead.percent) + ")");
        }
        table.add(cells);
    }
    return table.text();
}

std::string series_text(const SparsityCase &c, const SparsitySeries &series) {
    const double base = c.base_ms(series);
    const std::optional<double> even = series.break_even(base);
    const std::string ratio = series.ratio_name();
    return "\nmask " + series.title() + ": overhead at " + ratio + " 1 " + percent(100 * series.full_overhead(base)) +
           (series.spatial() ? " of the network with all patches" : "") + "; break-even at " +
           (even ? ratio + " " + decimal(*even, 3) : std::string("no ratio that was measured")) + "\n" +
           overheads_text(series);
}

}  // namespace

std::string sparsity_text(const SparsityResult &result) {
    std::string text = machine_text(result.machine) + "unselected frames: " + result.unselected + "\n";
    for (const SparsityCase &c : result.cases) {
        text += "\n" + c.title() + "\n" + points_text(c);
        for (const SparsitySeries &series : c.series())
            text += series_text(c, series);
    }
    return text;
}

std::string sparsity_json(const SparsityResult &result) {
    Json document;
    document["machine"] = machine_json(result.machine);
    document["rows"] = rows_of(result);
    document["summaries"] = summaries_of(result);
    if (const Json patches = patch_summaries_of(result); !patches.empty()) document["patch_summaries"] = patches;
    document["overheads"] = per_point(result, &SparsityAccount::overheads, [](const Overhead &o) {
        return Json{{"overhead", o.name}, {"ms", o.ms}, {"percent", o.percent}};
    });
    document["blocks"] = per_point(result, &SparsityAccount::blocks, [](const BlockTimes &b) {
        return Json{{"block", b.block},
                    {"realised_rt", b.realised.rt},
                    {"ms_dense", b.dense_ms},
                    {"ms_theory", b.theory_ms},
                    {"ms_masked", b.masked_ms},
                    {"ms_navigation", b.navigation_ms},
                    {"realised_rs", b.realised.rs}};
    });
    document["kernels"] = kernels_of(result);
    document["rounds"] = result.rounds;
    document["seed"] = result.seed;
    return json_text(document, 1) + "\n";
}

std::string sparsity_csv(const SparsityResult &result) {
    return csv_text(rows_of(result));
}

}  // namespace afnet
