// afnet bench kernels: its options, and its results as text and JSON.
#include <cstdio>
#include <memory>

#include "bench/commands.h"
#include "bench/kernel_bench.h"
#include "model/device_option.h"
#include "model/text_table.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

std::string setting_text(const KernelSetting &s) {
    return s.target + (s.device.empty() ? "" : " on " + s.device) + ", " + s.dtype + ", " + std::to_string(s.clips) +
           " x " + std::to_string(s.frames) + " frames of " + std::to_string(s.size) + "x" + std::to_string(s.size) +
           ", " + std::to_string(s.threads) + (s.threads == 1 ? " thread, " : " threads, ") +
           (s.grid > 0
                ? "RS " + decimal(s.rs, 3) + " of " + std::to_string(s.grid) + "x" + std::to_string(s.grid) + ", "
                : "") +
           s.caches;
}

// A table for each setting: rows of one setting need not stand together.
void print_rows(const std::vector<KernelRow> &rows) {
    std::vector<std::string> settings;
    std::map<std::string, TextTable> tables;
    for (const KernelRow &r : rows) {
        const std::string setting = setting_text(r.setting);
        const auto [table, added] =
            tables.try_emplace(setting, TextTable({"layer", "kernel", "shape", "count", "ms", "p95", "calls", "GMAC/s",
                                                   "peak", "GB/s", "memory", "MAC/B", "cores"},
                                                  "lllrrrrrrrrrr"));
        if (added) settings.push_back(setting);
        const bool on_cpu = r.setting.device.empty();
        table->second.add({r.layer, with_vendor(r.kernel, r.vendor), r.shape, std::to_string(r.count),
                           decimal(r.ms.median, 4), decimal(r.ms.p95, 4), std::to_string(r.ms.samples),
                           r.gmac > 0 ? decimal(r.gmac_per_s(), 1) : "",
                           r.gmac > 0 && on_cpu ? decimal(r.percent_of_peak, 1) + "%" : "",
                           decimal(r.bytes_per_s() / 1e9, 2), on_cpu ? decimal(r.percent_of_memory, 1) + "%" : "",
                           decimal(1e9 * r.gmac / r.bytes, 2), r.cores > 0 ? decimal(r.cores, 2) : ""});
    }
    for (const std::string &setting : settings) {
        std::printf("\n%s\n\n%s", setting.c_str(), tables.at(setting).text().c_str());
    }
}

void print_text(const KernelBenchResult &result) {
    std::printf("%s", machine_text(result.machine).c_str());
    print_rows(result.rows);
    for (const ConvolutionSum &s : result.convolutions) {
        std::printf("\nAll convolutions but the stem (%s):\n%.2f GMAC in %.2f ms: %.1f GMAC/s",
                    setting_text(s.setting).c_str(), s.gmac, s.ms, s.gmac / s.ms * 1e3);
        if (s.setting.device.empty()) {
            std::printf(", %.1f%% of the peak; least %.1f%%, %s (%s)", s.percent_of_peak, s.least_percent,
                        s.least_kernel.c_str(), s.least_layer.c_str());
        }
        std::printf("\n");
    }
}

// Null where it is not known.
Json on_cpu(const KernelSetting &s, const Json &figure) {
    return s.device.empty() ? figure : Json();
}

Json setting_json(const KernelSetting &s) {
    Json json = {{"model", s.model},     {"frames", s.frames},
                 {"size", s.size},       {"batch", s.clips},
                 {"threads", s.threads}, {"dtype", s.dtype},
                 {"target", s.target},   {"caches", s.caches},
                 {"rt", s.rt},           {"device", s.device.empty() ? Json() : Json(s.device)}};
    if (s.grid > 0) json.update({{"rs", s.rs}, {"grid", s.grid}});
    return json;
}

Json row_json(const KernelRow &r) {
    Json row = {{"kernel", r.kernel},
                {"layer", r.layer},
                {"count", r.count},
                {"shape", r.shape},
                {"vendor", r.vendor.empty() ? Json() : Json(r.vendor)}};
    row.update(setting_json(r.setting));
    row.update({{"ms_median", r.ms.median},
                {"ms_p95", r.ms.p95},
                {"ms_best", r.ms.best},
                {"samples", r.ms.samples},
                {"cores", r.cores > 0 ? Json(r.cores) : Json()},
                {"convolution", r.convolution},
                {"gmac", r.gmac},
                {"bytes", r.bytes},
                {"macs_per_byte", 1e9 * r.gmac / r.bytes},
                {"gmac_per_s", r.gmac_per_s()},
                {"percent_of_peak", on_cpu(r.setting, r.percent_of_peak)},
                {"bytes_per_s", r.bytes_per_s()},
                {"percent_of_memory", on_cpu(r.setting, r.percent_of_memory)}});
    return row;
}

void print_json(const KernelBenchResult &result) {
    Json document = {
        {"machine", machine_json(result.machine)}, {"rows", Json::array()}, {"convolutions", Json::array()}};
    for (const KernelRow &row : result.rows)
        document["rows"].push_back(row_json(row));
    for (const ConvolutionSum &s : result.convolutions) {
        Json sum = setting_json(s.setting);
        sum.update({{"gmac", s.gmac},
                    {"ms", s.ms},
                    {"gmac_per_s", s.gmac / s.ms * 1e3},
                    {"percent_of_peak", on_cpu(s.setting, s.percent_of_peak)},
                    {"least_percent", on_cpu(s.setting, s.least_percent)},
                    {"least_kernel", on_cpu(s.setting, s.least_kernel)},
                    {"least_layer", on_cpu(s.setting, s.least_layer)}});
        document["convolutions"].push_back(std::move(sum));
    }
    std::printf("%s\n", json_text(document, 1).c_str());
}

}  // namespace

BenchCommand add_kernels_command(CommandLine &bench, CommandContext &context) {
    auto o = std::make_shared<KernelBenchOptions>();
    CommandLine kernels =
        bench.add_subcommand("kernels", "Each kernel of a model by itself, on the shapes that it runs");
    kernels.fallthrough();
    kernels.add_option("-m,--model", o->model, "Model or weights file").capture_default_str();
    add_run_options(kernels, o->run);
    kernels.add_option("--rt", o->rt, "Part of the frames that kernels with a work list compute")
        .range(0.0, 1.0)
        .capture_default_str();
    kernels.add_option("--rs", o->rs, "With masks in space: part of the patches of these frames, at random")
        .range(0.0, 1.0);
    kernels.add_option("--grid", o->grid, "Patches across and down a frame")
        .range(1, 64)
        .capture_default_str();
    kernels.add_flag("--without-masks", o->without_masks, "Focal blocks as plain kernels of all frames");
    kernels.add_option("--filter", o->filter, "Only kernels or layers of such a name; * is any text")
        .capture_default_str();
    kernels.add_option("--target", o->targets, "Targets, GPUs' too; default: the one this CPU uses");
    add_vendor_option(kernels, o->vendor);
    kernels.add_option("--seconds", o->seconds, "Time per kernel, at the least")
        .range(0.001, 1e4)
        .capture_default_str();
    kernels.add_flag("--cold", o->cold, "Also with caches swept before each call");
    kernels.footer("Example: afnet bench kernels --model af_resnet50_tsm --filter 'conv2d_k3*' --threads 1 2 --cold");
    return {kernels, [o, &context] {
                const KernelBenchResult result =
                    bench_kernels(*o, thread_counts(o->run, context.threads), context.quiet);
                context.json ? print_json(result) : print_text(result);
                return 0;
            }};
}

}  // namespace afnet
