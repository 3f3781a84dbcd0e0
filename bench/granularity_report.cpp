#include "bench/granularity_report.h"

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

// What every object says about where it was measured.
Json case_fields(const GranularityResult &result, const GranularityCase &c) {
    return {{"model", c.model}, {"frames", c.frames},   {"size", c.size},
            {"batch", c.batch}, {"threads", c.threads}, {"target", result.target}};
}

Json place_fields(const GranularityRow &row) {
    return {{"stage", row.stage},        {"layer", row.layer}, {"blocks", row.blocks},
            {"patches", row.patches},    {"grid", row.grid},   {"patch_side", row.patch_side()},
            {"tile_side", row.tile_side}};
}

Json rows_of(const GranularityResult &result) {
    Json rows = Json::array();
    for (const GranularityCase &c : result.cases) {
        for (const GranularityRow &row : c.rows) {
            Json fields = case_fields(result, c);
            fields.update(place_fields(row));
            fields.update({{"rs", row.rs},
                           {"realised_rs", row.realised_rs},
                           {"ms_dense", row.costs.dense.sum()},
                           {"ms_listed", row.costs.listed_sum()},
                           {"ms_whole", row.costs.whole},
                           {"share", number_or_null(row.share())}});
            for (const CostLine &line : row.lines())
                fields["ms_" + line.name] = line.ms;
            fields.update({{"computed_per_pixel", row.computed}, {"read_per_pixel", row.read}});
            rows.push_back(std::move(fields));
        }
    }
    return rows;
}

Json break_evens_of(const GranularityResult &result) {
    Json evens = Json::array();
    for (const GranularityCase &c : result.cases) {
        for (const BreakEven &even : break_evens(c.rows)) {
            Json fields = case_fields(result, c);
            fields.update(place_fields(even.of));
            fields.update(
                {{"break_even_rs", number_or_null(even.realised)}, {"planned_break_even", even.of.planned_break_even}});
            evens.push_back(std::move(fields));
        }
    }
    return evens;
}

bool of_stage(const GranularityRow &row) {
    return row.layer == row.stage;
}

std::string stages_text(const GranularityCase &c) {
    TextTable table({"stage", "patches", "pixels", "tiles", "RS", "realised", "dense ms", "whole ms", "lists ms",
                     "share", "index", "gather", "compact", "halo", "scatter", "fill", "total", "computed", "read"},
                    "ll" + std::string(17, 'r'));
    std::string before;
    for (const GranularityRow &row : c.rows) {
        if (!of_stage(row)) continue;
        const std::string side = std::to_string(row.grid), setting = side + row.patches;
        if (!before.empty() && setting != before) table.add_line();
        before = setting;
        std::vector<std::string> cells = {row.stage,
                                          row.patches + " " + side + "x" + side,
                                          decimal(row.patch_side(), 1),
                                          std::to_string(row.tile_side),
                                          decimal(row.rs, 2),
                                          decimal(row.realised_rs, 3),
                                          decimal(row.costs.dense.sum(), 2),
                                          decimal(row.costs.whole, 2),
                                          decimal(row.costs.listed_sum(), 2),
                                          row.share() ? decimal(*row.share(), 2) : "-"};
        for (const CostLine &line : row.lines())
            cells.push_back(decimal(line.ms, 3));
        cells.push_back(decimal(row.computed, 2));
        cells.push_back(decimal(row.read, 2));
        table.add(cells);
    }
    return table.text();
}

} // namespace

std::string granularity_text(const GranularityResult &result) {
    std::string text = machine_text(result.machine) + "unselected pixels: " + result.unselected + "\n";
    for (const GranularityCase &c : result.cases) {
        text += "\n" + c.title() + ", " + decimal(c.dense_ms, 1) + " ms without masks, " + std::to_string(c.samples) +
                " rounds\n" + stages_text(c) + "\n";
        for (const BreakEven &even : break_evens(c.rows)) {
            if (of_stage(even.of)) text += advice(even) + "\n";
        }
    }
    return text;
}

std::string granularity_json(const GranularityResult &result) {
    Json document;
    document["machine"] = machine_json(result.machine);
    document["rows"] = rows_of(result);
    document["break_evens"] = break_evens_of(result);
    document["unselected"] = result.unselected;
    document["rounds"] = result.rounds;
    document["seed"] = result.seed;
    return json_text(document, 1) + "\n";
}

std::string granularity_csv(const GranularityResult &result) {
    return csv_text(rows_of(result));
}

} // namespace afnet
