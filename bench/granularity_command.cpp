// afnet bench granularity: its options, and where its results go.
#include <cstdio>
#include <memory>
#include <optional>

#include "bench/commands.h"
#include "bench/granularity_page.h"
#include "bench/granularity_report.h"
#include "model/installation.h"
#include "model/output_folder.h"
#include "model/patch_shape.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr size_t kReportBytes = size_t(4) << 20; // room that is looked for beforehand

int run(const GranularityOptions &options, const std::string &out, const CommandContext &context) {
    std::optional<OutputFolder> folder;
    if (!out.empty()) folder.emplace(out, kReportBytes);
    const std::vector<int> threads = thread_counts(options.run, context.threads);
    KernelStore kernels(kernel_folder(), widest_dtype(options.run));
    const GranularityResult result = bench_granularity(options, kernels, threads, context.quiet);
    // First where nothing can be lost: a disk may have filled up meanwhile.
    std::fputs((context.json ? granularity_json(result) : granularity_text(result)).c_str(), stdout);
    std::fflush(stdout);
    if (!folder) return 0;
    // The page last: who sees it finds the others.
    folder->write("granularity.json", granularity_json(result));
    folder->write("granularity.csv", granularity_csv(result));
    folder->write("granularity.html", granularity_page(result));
    return 0;
}

void add_options(CommandLine &app, GranularityOptions &o, std::string &out) {
    app.add_option("-m,--model", o.models, "AF-ResNets of bottlenecks, or weights files").capture_default_str();
    app.add_option("--grid", o.grids, "Patches across and down a frame")
        .range(1, 64)
        .capture_default_str();
    app.add_option("--rs", o.ratios, "Ratios of selected patches").range(0.0, 1.0).capture_default_str();
    app.add_option("--patches", o.patches, "Shapes of masks: random, blob, crop, border, centre")
        .one_of(ratio_shape_names())
        .capture_default_str();
    add_run_options(app, o.run);
    app.add_option("--rounds", o.rounds, "Rounds over all masks").range(1, 100000).capture_default_str();
    app.add_option("--seconds", o.seconds, "Time per network and shape, at the most")
        .range(0.1, 1e6)
        .capture_default_str();
    app.add_option("--seed", o.seed, "Seed of masks, weights and the clip").check(seed_fault).capture_default_str();
    app.add_option("--out", out, "Folder for granularity.json, granularity.csv and granularity.html")
        .check([](const std::string &path) { return path.empty() ? "a folder is needed" : ""; });
}

} // namespace

BenchCommand add_granularity_command(CommandLine &bench, CommandContext &context) {
    auto o = std::make_shared<GranularityOptions>();
    auto out = std::make_shared<std::string>();
    CommandLine app = bench.add_subcommand("granularity", "What the size of patches costs focal blocks, and the RS "
                                                          "from which they should compute all pixels");
    app.fallthrough();
    add_options(app, *o, *out);
    app.footer("Example: afnet bench granularity --grid 4 7 14 --rs 0.25 0.5 0.75 --out study");
    return {app, [o, out, &context] { return run(*o, *out, context); }};
}

} // namespace afnet
