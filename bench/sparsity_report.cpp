#include "bench/sparsity_report.h"

#include <nlohmann/json.hpp>

#include "model/text_table.h"
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
                                 {"unselected", result.unselected}});
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
        for (const std::string &mask : c.masks()) {
            const double overhead = c.full_ratio_overhead(mask);
            summaries.push_back(with(case_fields(c), {{"mask", mask},
                                                      {"ms_dense", c.dense_ms.median},
                                                      {"ms_full", c.dense_ms.median * (1 + overhead)},
                                                      {"full_overhead", overhead},
                                                      {"break_even_rt", number_or_null(c.break_even(mask))}}));
        }
    }
    return summaries;
}

template <class Item, class Fields>
Json per_point(const SparsityResult &result, const std::vector<Item> SparsityAccount::*items, Fields fields) {
    Json all = Json::array();
    for (const SparsityCase &c : result.cases) {
        for (const SparsityPoint &point : c.points) {
            const Json where = with(case_fields(c), {{"mask", point.mask}, {"rt", point.rt}});
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

std::string csv_field(const Json &value) {
    if (value.is_null()) return "";
    if (!value.is_string()) return value.dump();
    const std::string text = value;
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

std::string ratio_or_dash(const std::optional<double> &value) {
    return value ? decimal(*value, 3) : "-";
}

std::string points_text(const SparsityCase &c) {
    TextTable table({"mask", "RT", "realised", "median ms", "p95 ms", "theory ms", "GMAC", "speed-up", "theory",
                     "share", "share MACs"},
                    "lrrrrrrrrrr");
    table.add({"none", "-", "-", decimal(c.dense_ms.median, 2), decimal(c.dense_ms.p95, 2), "-",
               decimal(c.gmac_dense, 3), "1.000x", "1.000x", "-", "-"});
    for (const SparsityPoint &p : c.points) {
        const SparsityAccount &a = p.account;
        table.add({p.mask, decimal(p.rt, 3), decimal(p.realised_rt, 3), decimal(p.ms.median, 2), decimal(p.ms.p95, 2),
                   decimal(a.theory_ms, 2), decimal(p.gmac, 3), decimal(a.speedup_measured, 3) + "x",
                   decimal(a.speedup_theory, 3) + "x", ratio_or_dash(a.share), ratio_or_dash(a.share_macs)});
    }
    return table.text();
}

// A line per overhead, a column per ratio.
std::string overheads_text(const SparsityCase &c, const std::string &mask) {
    const std::vector<SparsityPoint> points = c.points_of(mask);
    std::vector<std::string> titles = {"beyond theory, ms (% of none)"};
    for (const SparsityPoint &p : points) titles.push_back("RT " + decimal(p.realised_rt, 3));
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

}  // namespace

std::string sparsity_text(const SparsityResult &result) {
    std::string text = machine_text(result.machine) + "unselected frames: " + result.unselected + "\n";
    for (const SparsityCase &c : result.cases) {
        text += "\n" + c.title() + "\n" + points_text(c);
        for (const std::string &mask : c.masks()) {
            const std::optional<double> even = c.break_even(mask);
            text += "\nmask " + mask + ": overhead at RT 1 " + percent(100 * c.full_ratio_overhead(mask)) +
                    "; break-even at " +
                    (even ? "RT " + decimal(*even, 3) : std::string("no ratio that was measured")) + "\n" +
                    overheads_text(c, mask);
        }
    }
    return text;
}

std::string sparsity_json(const SparsityResult &result) {
    Json document;
    document["machine"] = machine_json(result.machine);
    document["rows"] = rows_of(result);
    document["summaries"] = summaries_of(result);
    document["overheads"] = per_point(result, &SparsityAccount::overheads, [](const Overhead &o) {
        return Json{{"overhead", o.name}, {"ms", o.ms}, {"percent", o.percent}};
    });
    document["blocks"] = per_point(result, &SparsityAccount::blocks, [](const BlockTimes &b) {
        return Json{{"block", b.block},         {"realised_rt", b.realised_rt}, {"ms_dense", b.dense_ms},
                    {"ms_theory", b.theory_ms}, {"ms_masked", b.masked_ms},     {"ms_navigation", b.navigation_ms}};
    });
    document["kernels"] = kernels_of(result);
    document["rounds"] = result.rounds;
    document["seed"] = result.seed;
    return json_text(document, 1) + "\n";
}

std::string sparsity_csv(const SparsityResult &result) {
    std::string text;
    for (const Json &row : rows_of(result)) {
        std::string names, values;
        for (const auto &[name, value] : row.items()) {
            names += (names.empty() ? "" : ",") + name;
            values += (values.empty() ? "" : ",") + csv_field(value);
        }
        text += (text.empty() ? names + "\n" : "") + values + "\n";
    }
    return text;
}

}  // namespace afnet
