// afnet bench compare: two results, row by row; the exit status says whether anything became slower.
#include <cstdio>
#include <memory>

#include "bench/commands.h"
#include "bench/comparison.h"
#include "model/text_table.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::string before, after;
    double threshold = 3; // percent
};

std::string value_of(const ComparedRow &row, const std::string &key) {
    for (const auto &[name, value] : row.identity) {
        if (name == key) return value;
    }
    return "";
}

// Keys whose values differ between rows: the others need no column. One at the least.
std::vector<std::string> telling_keys(const std::vector<ComparedRow> &rows) {
    std::vector<std::string> keys, telling;
    for (const ComparedRow &row : rows) {
        for (const auto &[key, value] : row.identity) {
            if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
        }
    }
    for (const std::string &key : keys) {
        const bool differs = std::any_of(rows.begin(), rows.end(), [&](const ComparedRow &row) {
            return value_of(row, key) != value_of(rows.front(), key);
        });
        if (differs) telling.push_back(key);
    }
    if (telling.empty()) telling.push_back(keys.front());
    return telling;
}

void print_text(const Comparison &comparison) {
    const std::vector<std::string> keys = telling_keys(comparison.rows);
    std::vector<std::string> titles = keys;
    for (const char *title : {"ms before", "ms after", "ratio", "bounds", ""})
        titles.push_back(title);
    TextTable table(titles, std::string(keys.size(), 'l') + "rrrcl");
    for (const ComparedRow &row : comparison.rows) {
        std::vector<std::string> cells;
        for (const std::string &key : keys)
            cells.push_back(value_of(row, key));
        cells.push_back(decimal(row.ms_before, 4));
        cells.push_back(decimal(row.ms_after, 4));
        cells.push_back(decimal(row.ratio, 3));
        cells.push_back(row.verdict == Verdict::Unclear ? "" : decimal(row.low, 3) + " .. " + decimal(row.high, 3));
        cells.push_back(row.verdict == Verdict::Same ? "" : verdict_name(row.verdict));
        table.add(cells);
    }
    std::printf("%s\n%zu rows: %zu slower, %zu quicker, %zu unclear; %zu rows only before, %zu only after\n",
                table.text().c_str(), comparison.rows.size(), comparison.count(Verdict::Slower),
                comparison.count(Verdict::Quicker), comparison.count(Verdict::Unclear), comparison.only_before,
                comparison.only_after);
}

void print_json(const Comparison &comparison) {
    Json document = {{"slower", comparison.count(Verdict::Slower)},
                     {"quicker", comparison.count(Verdict::Quicker)},
                     {"unclear", comparison.count(Verdict::Unclear)},
                     {"only_before", comparison.only_before},
                     {"only_after", comparison.only_after},
                     {"remarks", comparison.remarks},
                     {"rows", Json::array()}};
    for (const ComparedRow &r : comparison.rows) {
        Json row = Json::object();
        for (const auto &[key, value] : r.identity)
            row[key] = value;
        row.update({{"ms_before", r.ms_before},
                    {"ms_after", r.ms_after},
                    {"ratio", r.ratio},
                    {"low", r.low},
                    {"high", r.high},
                    {"verdict", verdict_name(r.verdict)}});
        document["rows"].push_back(std::move(row));
    }
    std::printf("%s\n", json_text(document, 1).c_str());
}

int compare(const Options &options, const CommandContext &context) {
    const BenchResult before = read_result(options.before), after = read_result(options.after);
    const Comparison comparison = compare_results(before, after, options.threshold / 100);
    if (!context.quiet) {
        for (const std::string &remark : comparison.remarks)
            std::fprintf(stderr, "bench: %s\n", remark.c_str());
    }
    context.json ? print_json(comparison) : print_text(comparison);
    return comparison.count(Verdict::Slower) > 0 ? 1 : 0;
}

}  // namespace

BenchCommand add_compare_command(CommandLine &bench, CommandContext &context) {
    auto o = std::make_shared<Options>();
    CommandLine app = bench.add_subcommand("compare", "Two results: what became slower or quicker beyond noise");
    app.fallthrough();
    app.add_option("before", o->before, "Result of `afnet bench ... --json`").required();
    app.add_option("after", o->after, "Result of the same command later").required();
    app.add_option("--threshold", o->threshold, "Percent that count as nothing, beside noise")
        .range(0.0, 1000.0)
        .capture_default_str();
    app.footer("Ends with 1 where a row is slower by more than noise and threshold.\n"
               "Example: afnet bench compare before.json after.json");
    return {app, [o, &context] { return compare(*o, context); }};
}

}  // namespace afnet
