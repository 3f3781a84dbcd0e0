// afnet bench training: its options, and its results as text and JSON.
#include <cstdio>
#include <memory>

#include "bench/commands.h"
#include "bench/run_options.h"
#include "bench/training_bench.h"
#include "model/text_table.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

std::string percent(double value) {
    return decimal(value, 1) + "%";
}

void print_rows(const std::vector<TrainingRow> &rows) {
    TextTable table({"layer", "kernel", "shape", "count", "threads", "ms", "best", "calls", "GMAC/s", "FMA", "peak",
                     "GB/s", "memory"},
                    "lllrrrrrrrrrr");
    for (const TrainingRow &r : rows) {
        const bool macs = r.gmac > 0;
        table.add({r.layer, r.kernel, r.shape, std::to_string(r.count), std::to_string(r.threads),
                   decimal(r.ms.median, 3), decimal(r.ms.best, 3), std::to_string(r.ms.samples),
                   macs ? decimal(r.gmac_per_s(), 1) : "", macs ? decimal(r.peak_gmac_per_s, 1) : "",
                   macs ? percent(r.percent_of_peak) : "", decimal(r.bytes_per_s() / 1e9, 1),
                   percent(r.percent_of_memory)});
    }
    std::printf("\n%s", table.text().c_str());
}

void print_sums(const std::vector<TrainingSum> &sums) {
    TextTable table({"part", "threads", "ms", "GMAC", "GMAC/s", "peak", "GB/s", "memory"}, "lrrrrrrr");
    for (const TrainingSum &s : sums) {
        const bool convolutions = s.part != "other";
        table.add({s.part, std::to_string(s.threads), decimal(s.ms, 1), convolutions ? decimal(s.gmac, 2) : "",
                   convolutions ? decimal(s.gmac / s.ms * 1e3, 1) : "", convolutions ? percent(s.percent_of_peak) : "",
                   decimal(s.bytes / s.ms / 1e6, 1), percent(s.percent_of_memory)});
    }
    std::printf("\nEach kernel as often as a step runs it:\n\n%s", table.text().c_str());
}

void print_pass(const TrainingPass &pass) {
    std::printf(
        "\nWhole steps, %d %s, RT %s, RS %s: %s ms (best %s, p95 %s, %zu steps), memory beside parameters %s MiB\n\n",
        pass.threads, pass.threads == 1 ? "thread" : "threads", decimal(pass.rt, 3).c_str(),
        decimal(pass.rs, 3).c_str(), decimal(pass.ms.median, 1).c_str(), decimal(pass.ms.best, 1).c_str(),
        decimal(pass.ms.p95, 1).c_str(), pass.ms.samples, decimal(pass.arena_mib, 0).c_str());
    TextTable table({"kernels", "calls", "ms", "share", "GMAC/s"}, "lrrrr");
    for (const TrainingKind &k : pass.kinds) {
        table.add({k.generator, std::to_string(k.calls), decimal(k.ms, 2), percent(100 * k.ms / pass.ms.median),
                   k.gmac > 0 ? decimal(k.gmac / k.ms * 1e3, 1) : ""});
    }
    std::printf("%s", table.text().c_str());
}

void print_text(const TrainingBenchOptions &o, const TrainingBenchResult &result) {
    std::printf("%s%s, %d x %d frames of %dx%d, f32\n", machine_text(result.machine).c_str(), o.model.c_str(), o.clips,
                o.frames, o.size, o.size);
    if (o.kernels) {
        print_rows(result.rows);
        print_sums(result.sums);
    }
    for (const TrainingPass &pass : result.passes)
        print_pass(pass);
}

Json setting_json(const TrainingBenchOptions &o, int threads) {
    return {{"model", o.model}, {"frames", o.frames}, {"size", o.size},
            {"batch", o.clips}, {"threads", threads}, {"dtype", "f32"}};
}

Json row_json(const TrainingBenchOptions &o, const TrainingRow &r) {
    Json row = {{"kernel", r.kernel}, {"layer", r.layer}, {"part", r.part}, {"count", r.count}, {"shape", r.shape}};
    row.update(setting_json(o, r.threads));
    row.update({{"ms_median", r.ms.median},
                {"ms_p95", r.ms.p95},
                {"ms_best", r.ms.best},
                {"samples", r.ms.samples},
                {"gmac", r.gmac},
                {"bytes", r.bytes},
                {"gmac_per_s", r.gmac_per_s()},
                {"fma_peak_gmac_per_s", r.peak_gmac_per_s},
                {"percent_of_peak", r.percent_of_peak},
                {"bytes_per_s", r.bytes_per_s()},
                {"percent_of_memory", r.percent_of_memory}});
    return row;
}

Json sum_json(const TrainingBenchOptions &o, const TrainingSum &s) {
    Json sum = {{"part", s.part}};
    sum.update(setting_json(o, s.threads));
    sum.update({{"ms", s.ms},
                {"gmac", s.gmac},
                {"gmac_per_s", s.gmac / s.ms * 1e3},
                {"percent_of_peak", s.percent_of_peak},
                {"bytes", s.bytes},
                {"bytes_per_s", s.bytes / s.ms * 1e3},
                {"percent_of_memory", s.percent_of_memory}});
    return sum;
}

Json pass_json(const TrainingBenchOptions &o, const TrainingPass &p) {
    Json pass = setting_json(o, p.threads);
    pass.update({{"unselected", o.unselected},
                 {"realised_rt", p.rt},
                 {"realised_rs", p.rs},
                 {"ms_median", p.ms.median},
                 {"ms_p95", p.ms.p95},
                 {"ms_best", p.ms.best},
                 {"samples", p.ms.samples},
                 {"arena_mib", p.arena_mib},
                 {"kinds", Json::object()}});
    for (const TrainingKind &k : p.kinds)
        pass["kinds"][k.generator] = {{"calls", k.calls}, {"ms", k.ms}, {"gmac", k.gmac}};
    return pass;
}

void print_json(const TrainingBenchOptions &o, const TrainingBenchResult &result) {
    Json document = {{"machine", machine_json(result.machine)}};
    for (const char *list : {"rows", "sums", "steps"})
        document[list] = Json::array();
    for (const TrainingRow &row : result.rows)
        document["rows"].push_back(row_json(o, row));
    for (const TrainingSum &sum : result.sums)
        document["sums"].push_back(sum_json(o, sum));
    for (const TrainingPass &pass : result.passes)
        document["steps"].push_back(pass_json(o, pass));
    std::printf("%s\n", json_text(document, 1).c_str());
}

} // namespace

BenchCommand add_training_command(CommandLine &bench, CommandContext &context) {
    auto o = std::make_shared<TrainingBenchOptions>();
    CommandLine training =
        bench.add_subcommand("training", "A step of training: each kernel on the shapes that it runs");
    training.fallthrough();
    training.add_option("-m,--model", o->model, "Model or weights file").capture_default_str();
    training.add_option("--clips,--batch", o->clips, "Clips of a step")
        .range(1, 1024)
        .capture_default_str();
    training.add_option("--frames", o->frames, "Frames per clip").range(1, 256).capture_default_str();
    training.add_option("--size", o->size, "Columns and rows").range(32, 2048).capture_default_str();
    training.add_option("--threads", o->threads, "Threads for kernels; 0: one per available processor")
        .range(0, 1024);
    training.add_option("--rt", o->ratios, "Ratios of selected frames: given masks; whole steps for each")
        .range(0.0, 1.0);
    training.add_option("--rs", o->patch_ratios, "Ratios of selected patches: masks in space; AF-ResNets")
        .range(0.0, 1.0);
    training.add_option("--grid", o->grid, "Patches across and down a frame")
        .range(1, 64)
        .capture_default_str();
    training.add_option("--unselected", o->unselected, "masked: computed from zeroes; sparse: not computed")
        .one_of({"masked", "sparse"})
        .capture_default_str();
    training.add_option("--filter", o->filter, "Only kernels or layers of such a name; * is any text")
        .capture_default_str();
    training.add_option("--seconds", o->seconds, "Time per kernel, at the least")
        .range(0.001, 1e4)
        .capture_default_str();
    training.add_option("--passes", o->passes, "Whole steps that are timed; 0: none")
        .range(0, 100000)
        .capture_default_str();
    training.add_flag("!--whole", o->kernels, "Whole steps alone, no kernels by themselves");
    training.footer("Example: afnet bench training --model af_resnet50_tsm --threads 1 2 --filter 'conv2d_grad*'");
    return {training, [o, &context] {
                RunChoices choices;
                choices.threads = o->threads;
                const TrainingBenchResult result =
                    bench_training(*o, thread_counts(choices, context.threads), context.quiet);
                context.json ? print_json(*o, result) : print_text(*o, result);
                return 0;
            }};
}

} // namespace afnet
