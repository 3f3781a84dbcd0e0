// afnet bench sparsity: its options, and where its results go.
#include <cstdio>
#include <memory>
#include <optional>

#include "bench/commands.h"
#include "bench/sparsity_bench.h"
#include "bench/sparsity_page.h"
#include "bench/sparsity_report.h"
#include "model/installation.h"
#include "model/output_folder.h"
#include "model/patch_shape.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr size_t kReportBytes = size_t(4) << 20;  // what a large sweep writes: room for that is looked for beforehand

int run(const SparsityOptions &options, const std::string &out, const CommandContext &context) {
    std::optional<OutputFolder> folder;
    if (!out.empty()) folder.emplace(out, kReportBytes);
    const std::vector<int> threads = thread_counts(options.run, context.threads);
    KernelStore kernels = device_kernels(
        options.device, widest_dtype(options.run), [&] { return sparsity_kernels(options); }, context.quiet);
    const SparsityResult result = bench_sparsity(options, kernels, threads, context.quiet);
    // First where nothing can be lost: a disk may have filled up meanwhile.
    std::fputs((context.json ? sparsity_json(result) : sparsity_text(result)).c_str(), stdout);
    std::fflush(stdout);
    if (!folder) return 0;
    // The page last: who sees it finds the others.
    folder->write("sparsity.json", sparsity_json(result));
    folder->write("sparsity.csv", sparsity_csv(result));
    folder->write("sparsity.html", sparsity_page(result));
    return 0;
}

void add_options(CommandLine &app, SparsityOptions &o, std::string &out) {
    std::vector<std::string> shapes = ratio_shape_names();
    shapes.push_back(kLearnedPatches);
    app.add_option("-m,--model", o.models, "Adaptive models or weights files").capture_default_str();
    app.add_option("--rt", o.ratios, "Ratios of selected frames; 1 is always measured")
        .range(0.0, 1.0)
        .capture_default_str();
    app.add_option("--mask", o.masks,
                   "Which frames: first, alternating, spread, random, clip; default: spread, with --clip clip")
        .one_of({"first", "alternating", "spread", "random", kClipMask});
    app.add_option("--rs", o.patch_ratios, "Ratios of selected patches: masks in space as well; 1 is always measured")
        .range(0.0, 1.0);
    app.add_option("--grid", o.grids, "Patches across and down a frame; default: 7").range(1, 64);
    app.add_option("--patches", o.patches,
                   "Shapes of masks in space: random, blob, crop, border, centre, learned; default: blob; learned takes the "
                   "network's own choice on --clip")
        .one_of(shapes);
    app.add_option(
        "--clip", o.clip,
        "Video or folder of frames that the network sees; --mask clip and --patches learned take its choice");
    add_run_options(app, o.run);
    add_device_options(app, o.device);
    app.add_option("--rounds", o.rounds, "Rounds over all masks").range(1, 100000).capture_default_str();
    app.add_option("--seconds", o.seconds, "Time per network and shape, at the most")
        .range(0.1, 1e6)
        .capture_default_str();
    app.add_option("--seed", o.seed, "Seed of random masks, and of weights and clips that are made up")
        .check(seed_fault)
        .capture_default_str();
    app.add_option("--out", out, "Folder for sparsity.json, sparsity.csv and sparsity.html")
        .check([](const std::string &path) { return path.empty() ? "a folder is needed" : ""; });
}

}  // namespace

BenchCommand add_sparsity_command(CommandLine &bench, CommandContext &context) {
    auto o = std::make_shared<SparsityOptions>();
    auto out = std::make_shared<std::string>();
    CommandLine app = bench.add_subcommand("sparsity", "What masks turn into time, against the network without masks");
    app.fallthrough();
    add_options(app, *o, *out);
    app.footer("Examples: afnet bench sparsity --model af_resnet50_tsm --rt 0.25 0.5 --frames 8 12 --out study\n"
               "afnet bench sparsity --rt 0.4 --rs 0.25 0.5 --grid 7 14 --patches blob random");
    return {app, [o, out, &context] { return run(*o, *out, context); }};
}

}  // namespace afnet
