// afnet bench network: its options, and its results as text and JSON.
#include <cstdio>
#include <memory>

#include "bench/commands.h"
#include "bench/network_bench.h"
#include "model/patch_shape.h"
#include "model/text_table.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

std::string ratio_text(double ratio) {
    return ratio > 0 ? decimal(ratio, 2) + "x" : "";
}

// The peak that is measured is the CPU's.
std::string peak_text(const NetworkRow &row) {
    return row.device.empty() ? decimal(row.percent_of_peak, 1) + "%" : "";
}

bool same_network(const NetworkRow &a, const NetworkRow &b) {
    return a.model == b.model && a.dtype == b.dtype && a.frames == b.frames && a.size == b.size && a.clips == b.clips;
}

void print_rows(const std::vector<NetworkRow> &rows) {
    TextTable table({"model", "dtype", "frames", "size", "batch", "threads", "RT", "RS", "ms", "p95", "clips/s", "frames/s",
                     "GMAC", "GMAC/s", "peak", "speed-up", "MAC ratio", "cores", "arena MiB"},
                    "llrrrrrrrrrrrrrrrrr");
    for (const NetworkRow &r : rows) {
        const double clips = r.clips / r.ms.median * 1e3;
        table.add({r.model, r.dtype, std::to_string(r.frames), std::to_string(r.size), std::to_string(r.clips),
                   std::to_string(r.threads), decimal(r.realised_rt, 3), r.grid > 0 ? decimal(r.realised_rs, 3) : "", decimal(r.ms.median, 1), decimal(r.ms.p95, 1),
                   decimal(clips, 2), decimal(clips * r.frames, 1), decimal(r.gmac, 2),
                   decimal(r.gmac / r.ms.median * 1e3, 1), peak_text(r), ratio_text(r.speedup),
                   ratio_text(r.mac_ratio), decimal(r.cores, 2), decimal(r.arena_mib, 1)});
    }
    std::printf("\n%s", table.text().c_str());
}

// One table: parts down, the rows of one network across.
void print_parts(const NetworkRow *begin, const NetworkRow *end) {
    std::vector<std::string> titles = {begin->model + ", ms"};
    for (const NetworkRow *row = begin; row != end; row++) {
        titles.push_back("RT " + decimal(row->realised_rt, 3) +
                         (row->grid > 0 ? " RS " + decimal(row->realised_rs, 3) : "") + " x" +
                         std::to_string(row->threads));
    }
    TextTable table(titles, "l" + std::string(titles.size() - 1, 'r'));
    const auto add = [&](const std::vector<PartTime> NetworkRow::*parts) {
        for (size_t part = 0; part < (begin->*parts).size(); part++) {
            std::vector<std::string> cells = {(begin->*parts)[part].name};
            for (const NetworkRow *row = begin; row != end; row++)
                cells.push_back(decimal((row->*parts)[part].ms, 2));
            table.add(cells);
        }
    };
    add(&NetworkRow::stages);
    table.add_line();
    add(&NetworkRow::kinds);
    std::printf("\n%s", table.text().c_str());
}

void print_text(const NetworkBenchResult &result) {
    std::printf("%s", machine_text(result.machine).c_str());
    print_rows(result.rows);
    const NetworkRow *end = result.rows.data() + result.rows.size();
    for (const NetworkRow *begin = result.rows.data(); begin != end;) {
        const NetworkRow *next = begin;
        while (next != end && same_network(*begin, *next))
            next++;
        print_parts(begin, next);
        begin = next;
    }
    if (result.layers.empty()) return;
    TextTable table({"layer", "kernel", "ms", "time", "GMAC/s", "peak"}, "llrrrr");
    for (const LayerRow &r : result.layers) {
        table.add({r.label, with_vendor(r.kernel, r.vendor), decimal(r.ms, 3), decimal(100 * r.share, 1) + "%",
                   decimal(r.gmac_per_s, 1), decimal(r.percent_of_peak, 1) + "%"});
    }
    std::printf("\n%s", table.text().c_str());
}

Json parts_json(const std::vector<PartTime> &parts) {
    Json object = Json::object();
    for (const PartTime &part : parts)
        object[part.name] = {{"ms", part.ms}, {"gmac", part.gmac}};
    return object;
}

Json row_json(const NetworkRow &r) {
    const double clips = r.clips / r.ms.median * 1e3;
    return {{"model", r.model},
            {"frames", r.frames},
            {"size", r.size},
            {"batch", r.clips},
            {"threads", r.threads},
            {"dtype", r.dtype},
            {"target", r.target},
            {"device", r.device.empty() ? Json() : Json(r.device)},
            {"vendor_steps", r.vendor_steps},
            {"unselected", r.unselected},
            {"mask", r.mask},
            {"rt", r.rt},
            {"realised_rt", r.realised_rt},
            {"patches", r.grid > 0 ? Json(r.patches) : Json()},
            {"grid", r.grid > 0 ? Json(r.grid) : Json()},
            {"rs", r.rs},
            {"realised_rs", r.realised_rs},
            {"ms_median", r.ms.median},
            {"ms_p95", r.ms.p95},
            {"ms_best", r.ms.best},
            {"samples", r.ms.samples},
            {"clips_per_s", clips},
            {"frames_per_s", clips * r.frames},
            {"gmac", r.gmac},
            {"gmac_dense", r.gmac_dense},
            {"gmac_per_s", r.gmac / r.ms.median * 1e3},
            {"percent_of_peak", r.device.empty() ? Json(r.percent_of_peak) : Json()},
            {"speedup", r.speedup > 0 ? Json(r.speedup) : Json()},
            {"mac_ratio", r.mac_ratio > 0 ? Json(r.mac_ratio) : Json()},
            {"cores", r.cores},
            {"arena_mib", r.arena_mib},
            {"stages", parts_json(r.stages)},
            {"kinds", parts_json(r.kinds)}};
}

void print_json(const NetworkBenchResult &result) {
    Json document = {{"machine", machine_json(result.machine)}, {"rows", Json::array()}, {"layers", Json::array()}};
    for (const NetworkRow &row : result.rows)
        document["rows"].push_back(row_json(row));
    for (const LayerRow &r : result.layers) {
        document["layers"].push_back({{"model", r.model},
                                      {"layer", r.label},
                                      {"kernel", r.kernel},
                                      {"vendor", r.vendor.empty() ? Json() : Json(r.vendor)},
                                      {"threads", r.threads},
                                      {"ms", r.ms},
                                      {"share", r.share},
                                      {"gmac_per_s", r.gmac_per_s},
                                      {"percent_of_peak", r.percent_of_peak}});
    }
    std::printf("%s\n", json_text(document, 1).c_str());
}

}  // namespace

BenchCommand add_network_command(CommandLine &bench, CommandContext &context) {
    auto o = std::make_shared<NetworkBenchOptions>();
    CommandLine network = bench.add_subcommand("network", "Whole networks over clips, threads and selected ratios");
    network.fallthrough();
    network.add_option("-m,--model", o->models, "Models or weights files").capture_default_str();
    network.add_option("--rt", o->ratios, "Ratios of selected frames; masks are forced")
        .range(0.0, 1.0)
        .capture_default_str();
    network.add_option("--rs", o->patch_ratios, "Ratios of selected patches: masks in space, forced; AF-ResNets")
        .range(0.0, 1.0);
    network.add_option("--grid", o->grid, "Patches across and down a frame")
        .range(1, 64)
        .capture_default_str();
    network.add_option("--patches", o->patches, "Shape of masks in space")
        .one_of(patch_shape_names())
        .capture_default_str();
    add_run_options(network, o->run);
    add_device_options(network, o->device);
    network.add_option("--rounds", o->rounds, "Rounds over all ratios and threads")
        .range(1, 100000)
        .capture_default_str();
    network.add_option("--seconds", o->seconds, "Time per network, at the most")
        .range(0.1, 1e6)
        .capture_default_str();
    network.add_flag("--layers", o->layers, "Also each layer, at the first ratio");
    network.footer("Options with several values are a sweep over all combinations.\n"
                   "Example: afnet bench network --model af_resnet50_tsm resnet50 --rt 1 0.4 --threads 1 2");
    return {network, [o, &context] {
                const std::vector<int> threads = thread_counts(o->run, context.threads);
                KernelStore kernels = device_kernels(
                    o->device, widest_dtype(o->run), [&] { return bench_kernels(*o); }, context.quiet);
                const NetworkBenchResult result = bench_networks(*o, kernels, threads, context.quiet);
                context.json ? print_json(result) : print_text(result);
                return 0;
            }};
}

}  // namespace afnet
