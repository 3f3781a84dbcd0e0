// afnet bench: figures of this machine.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/network_bench.h"
#include "model/dtype_option.h"
#include "model/machine.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

void print_text(const NetworkBenchResult &result, const Target &target, int threads) {
    std::printf("%s, %d threads, %s, FMA peak %.1f GMAC/s (%.1f GFLOP/s)\n\n", cpu_name().c_str(), threads,
                target.name.c_str(), result.peak_gmac_per_s, 2 * result.peak_gmac_per_s);
    std::printf("%-20s %6s %9s %9s %9s %8s %8s %6s %8s %9s\n", "model", "RT", "median ms", "p95 ms", "best ms", "GMAC",
                "GMAC/s", "peak", "speed-up", "MAC ratio");
    for (const NetworkRow &r : result.rows) {
        std::printf("%-20s %6.3f %9.1f %9.1f %9.1f %8.2f %8.1f %5.1f%%", r.model.c_str(), r.rt, r.ms.median, r.ms.p95,
                    r.ms.best, r.gmac, r.gmac / r.ms.median * 1e3, 100 * r.peak_share);
        std::printf(r.speedup > 0 ? " %7.2fx %8.2fx\n" : "\n", r.speedup, r.mac_ratio);
    }
    if (result.layers.empty()) return;
    std::printf("\n%-36s %-52s %8s %6s %8s %6s\n", "layer", "kernel", "ms", "time", "GMAC/s", "peak");
    for (const LayerRow &r : result.layers) {
        std::printf("%-36s %-52s %8.3f %5.1f%% %8.1f %5.1f%%\n", r.label.c_str(), r.kernel.c_str(), r.ms,
                    100 * r.share, r.gmac_per_s, 100 * r.peak_share);
    }
}

void print_json(const NetworkBenchResult &result, const Target &target, Dtype dtype, int threads) {
    Json document;
    document["machine"] = {{"cpu", cpu_name()},
                           {"threads", threads},
                           {"target", target.name},
                           {"peak_gmac_per_s", result.peak_gmac_per_s}};
    document["rows"] = Json::array();
    for (const NetworkRow &r : result.rows) {
        document["rows"].push_back({{"model", r.model},
                                    {"frames", r.frames},
                                    {"size", r.size},
                                    {"clips", r.clips},
                                    {"dtype", dtype_name(dtype)},
                                    {"rt", r.rt},
                                    {"median_ms", r.ms.median},
                                    {"p95_ms", r.ms.p95},
                                    {"best_ms", r.ms.best},
                                    {"samples", r.ms.samples},
                                    {"gmac", r.gmac},
                                    {"gmac_per_s", r.gmac / r.ms.median * 1e3},
                                    {"peak_share", r.peak_share},
                                    {"threads", r.threads},
                                    {"speedup", r.speedup > 0 ? Json(r.speedup) : Json()},
                                    {"mac_ratio", r.mac_ratio > 0 ? Json(r.mac_ratio) : Json()},
                                    {"arena_mib", r.arena_mib}});
    }
    document["layers"] = Json::array();
    for (const LayerRow &r : result.layers) {
        document["layers"].push_back({{"model", r.model},
                                      {"layer", r.label},
                                      {"kernel", r.kernel},
                                      {"ms", r.ms},
                                      {"share", r.share},
                                      {"gmac_per_s", r.gmac_per_s},
                                      {"peak_share", r.peak_share}});
    }
    // Names of files need not be UTF-8; JSON must be.
    std::printf("%s\n", document.dump(1, ' ', false, Json::error_handler_t::replace).c_str());
}

const RegisterCommand registered{
    {"bench", "Measure networks on this machine", [](CLI::App &app, CommandContext &context) {
         app.require_subcommand(1);
         auto o = std::make_shared<NetworkBenchOptions>();
         CLI::App *network = app.add_subcommand("network", "Whole networks over a sweep of selected ratios");
         network->fallthrough();
         network->add_option("-m,--model", o->models, "Models or weights files")->capture_default_str();
         network->add_option("--rt", o->ratios, "Ratios of selected frames; masks are forced")
             ->check(CLI::Range(0.0, 1.0))
             ->capture_default_str();
         network->add_option("--frames", o->frames, "Frames per clip; default: what the model is for")
             ->check(CLI::Range(1, 256));
         network->add_option("--size", o->size, "Columns and rows")->check(CLI::Range(32, 2048))->capture_default_str();
         network->add_option("--batch", o->clips, "Clips at a time")->check(CLI::Range(1, 1024))->capture_default_str();
         network->add_option("--unselected", o->unselected, "What unselected frames get")
             ->check(CLI::IsMember({"masked", "skipped"}))
             ->capture_default_str();
         add_dtype_option(*network, o->dtype);
         network->add_option("--rounds", o->rounds, "Rounds over all ratios")
             ->check(CLI::Range(1, 100000))
             ->capture_default_str();
         network->add_option("--seconds", o->seconds, "Time per model, at the most")
             ->check(CLI::Range(0.1, 1e6))
             ->capture_default_str();
         network->add_flag("--layers", o->layers, "Also each layer, at the first ratio");
         app.footer("Example: afnet bench network --model af_resnet50_tsm resnet50 --rt 1 0.4");
         return [o, &context] {
             const int threads = configure_halide(context.threads);
             const Target &target = choose_library_target(kernel_folder(), nullptr, o->dtype);
             KernelStore kernels(kernel_folder(), target);
             const NetworkBenchResult result = bench_networks(*o, kernels, threads, context.quiet);
             context.json ? print_json(result, target, o->dtype, threads) : print_text(result, target, threads);
             return 0;
         };
     }}};

}  // namespace

}  // namespace afnet
