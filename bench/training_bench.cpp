#include "bench/training_bench.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

#include "bench/kernel_bench.h"
#include "model/patch_shape.h"
#include "model/progress.h"
#include "model/recipe.h"
#include "model/training_network.h"
#include "model/weights_file.h"
#include "runtime/arena.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTurns = 3;         // of the peak and a kernel
constexpr size_t kLeastCalls = 2; // in a turn

double median(const std::vector<double> &values) {
    return summarize(values).median;
}

bool is_output(const Kernel &kernel, const std::string &argument) {
    const halide_filter_metadata_t &metadata = *kernel.metadata;
    for (int a = 0; a < metadata.num_arguments; a++) {
        if (argument == metadata.arguments[a].name)
            return metadata.arguments[a].kind == halide_argument_kind_output_buffer;
    }
    return false;
}

// Everything that is read, and everything that is written, once.
double moved_bytes(const Plan &plan, const Step &step) {
    double bytes = 0;
    for (const Argument &argument : step.arguments) {
        if (argument.ignored) continue;
        const TensorInfo &tensor = plan.tensors[size_t(argument.tensor)];
        double own = double(element_bytes(tensor.type));
        for (int extent : tensor.extents)
            own *= extent;
        bytes += own;
    }
    return bytes;
}

/// What one step writes, as it was: a kernel that adds to its output would else let it grow from call to call.
class WrittenMemory {
public:
    WrittenMemory(Executor &executor, size_t index) {
        const Step &step = executor.plan().steps[index];
        for (const Argument &argument : step.arguments) {
            if (argument.ignored || !is_output(executor.kernel(index), argument.name)) continue;
            const TensorMemory memory = executor.memory(argument.tensor);
            const auto *bytes = static_cast<const unsigned char *>(memory.data);
            written_.emplace_back(memory, std::vector<unsigned char>(bytes, bytes + memory.bytes));
        }
    }
    void restore() {
        for (auto &[memory, bytes] : written_)
            std::memcpy(memory.data, bytes.data(), bytes.size());
    }

private:
    std::vector<std::pair<TensorMemory, std::vector<unsigned char>>> written_;
};

/// One network under measurement.
class Bench {
public:
    Bench(const TrainingBenchOptions &options, const LoadedModel &model, KernelStore &kernels)
        : options_(options), network_(
                                 model.description, shape(model.description, options), TrainingChoices(),
                                 [&](const ParameterInfo &p) { return authors_rule(model.description, p); }, kernels) {
        network_.load(model.weights);
        std::vector<float> frame(size_t(3) * size_t(options.size) * size_t(options.size));
        for (int f = 0; f < options.clips * options.frames; f++) {
            for (size_t i = 0; i < frame.size(); i++)
                frame[i] = float(2 * recipe_uniform(fnv1a64("frame"), uint64_t(f), i) - 1);
            network_.set_frame(f, frame.data());
        }
        for (int clip = 0; clip < options.clips; clip++)
            network_.set_label(clip, clip % model.description.classes);
        const std::vector<double> even(size_t(2 * options.clips * options.frames), 0.5);
        for (size_t i = 0; i < network_.training().selections.size(); i++)
            network_.set_noise(i, even);
        for (size_t i = 0; i < network_.training().patches.size(); i++) {
            const TensorInfo &uniform = plan().tensors[size_t(network_.training().patches[i].selection.uniform)];
            const int grid = uniform.extents[1];
            network_.set_patch_noise(i, std::vector<double>(even.size() * size_t(grid * grid), 0.5));
        }
        select(all_ratios().front());
        // The rate stays 0: every step computes the same.
        StepSettings settings;
        settings.rate = 0;
        settings.gate_rate_factor = 0;
        network_.step(settings);
    }

    const Plan &plan() const { return network_.training().plan; }

    /// Part of the frames, and of their patches.
    struct Ratios {
        double frames, patches;
    };

    /// Of all pairs, in turn.
    std::vector<Ratios> all_ratios() const {
        std::vector<Ratios> result;
        for (double frames : ratios(options_.ratios))
            for (double patches : ratios(options_.patch_ratios))
                result.push_back({frames, patches});
        return result;
    }

    /// Where masks are given: frames at equal distances, patches at random.
    void select(const Ratios &part) {
        if (!network_.shape().forced_masks) return;
        const TrainingPlan &training = network_.training();
        const std::vector<int> clip = spread_mask(options_.frames, selected_count(part.frames, options_.frames));
        std::vector<int> frames;
        for (int n = 0; n < options_.clips; n++)
            frames.insert(frames.end(), clip.begin(), clip.end());
        for (size_t i = 0; i < training.selections.size(); i++)
            network_.force_mask(i, frames);
        for (size_t i = 0; i < training.patches.size(); i++)
            network_.force_patches(i, patch_mask(PatchShape::Random, network_.shape().forced_grid, int(frames.size()),
                                                 part.patches, {}, i));
    }

    TrainingPass whole_steps(int threads, const Ratios &part) {
        TrainingPass result;
        result.threads = threads;
        select(part);
        if (network_.shape().forced_masks) {
            result.rt = double(selected_count(part.frames, options_.frames)) / options_.frames;
            if (!options_.patch_ratios.empty())
                result.rs = realised_patches(PatchShape::Random, options_.grid, part.patches);
        }
        result.arena_mib = double(network_.executor().arena_bytes()) / (1 << 20);
        configure_halide(threads);
        run(0, plan().steps.size());
        std::vector<double> totals;
        std::map<std::string, std::vector<double>> kinds;
        std::map<std::string, double> macs; // of the last pass
        for (int pass = 0; pass < options_.passes; pass++) {
            std::map<std::string, double> sums;
            macs.clear();
            const auto begin = Clock::now();
            run(0, plan().steps.size(), [&](const StepReport &report) {
                sums[report.step->kernel.generator] += milliseconds(report.end - report.begin);
                macs[report.step->kernel.generator] += report.step->macs * report.frames;
            });
            totals.push_back(milliseconds(Clock::now() - begin));
            for (const auto &[generator, ms] : sums)
                kinds[generator].push_back(ms);
        }
        result.ms = summarize(totals);
        for (const auto &[generator, ms] : kinds) {
            TrainingKind kind;
            kind.generator = generator;
            kind.ms = median(ms);
            kind.gmac = macs[generator] / 1e9;
            for (const Step &step : plan().steps)
                kind.calls += step.kernel.generator == generator;
            result.kinds.push_back(kind);
        }
        std::stable_sort(result.kinds.begin(), result.kinds.end(),
                         [](const TrainingKind &a, const TrainingKind &b) { return a.ms > b.ms; });
        return result;
    }

    void rows(const std::vector<int> &threads, MachineMeter &meter, Progress &progress,
              std::vector<TrainingRow> &result) {
        std::map<size_t, int> counts;
        for (const DistinctStep &distinct : distinct_steps(plan(), options_.filter))
            counts[distinct.index] = distinct.count;
        size_t done = 0;
        for (size_t i = 0; i < plan().steps.size(); i++) {
            if (const auto found = counts.find(i); found != counts.end()) {
                progress.update(done++, plan().steps[i].kernel.name());
                WrittenMemory written(network_.executor(), i);
                for (int count : threads) {
                    result.push_back(row(i, found->second, count, meter, written));
                    written.restore();
                }
            }
            run(i, i + 1);
        }
    }

private:
    static RunShape shape(const ModelDescription &description, const TrainingBenchOptions &options) {
        RunShape shape;
        shape.clips = options.clips;
        shape.frames = options.frames;
        shape.width = shape.height = options.size;
        shape.forced_masks = !options.ratios.empty() || !options.patch_ratios.empty();
        // Where frames are given, so are all patches of a network that has masks in space.
        if (!options.patch_ratios.empty()) {
            shape.forced_grid = options.grid;
        } else if (shape.forced_masks && description.spatial()) {
            shape.forced_grid = description.grid;
        }
        if (options.unselected == "sparse") shape.unselected = Unselected::Skipped;
        return shape;
    }

    static std::vector<double> ratios(const std::vector<double> &given) {
        return given.empty() ? std::vector<double>{1} : given;
    }

    void run(size_t begin, size_t end, const Executor::Observer &observer = nullptr) {
        network_.executor().run_steps(begin, end, true, observer);
    }

    TrainingRow row(size_t index, int count, int threads, MachineMeter &meter, WrittenMemory &written) {
        const Step &step = plan().steps[index];
        TrainingRow row;
        row.kernel = step.kernel.name();
        row.layer = step.label;
        row.part = training_part(step);
        row.count = count;
        row.shape = shape_text(plan(), step);
        row.threads = threads;
        row.gmac = step.macs * step.frames / 1e9;
        row.bytes = moved_bytes(plan(), step);
        std::vector<double> all, percents, peaks = {meter.fma_now(threads)};
        run(index, index + 1);
        for (int turn = 0; turn < kTurns; turn++) {
            std::vector<double> ms;
            const auto begin = Clock::now();
            while (ms.size() < kLeastCalls || milliseconds(Clock::now() - begin) < 1e3 * options_.seconds / kTurns) {
                const auto start = Clock::now();
                run(index, index + 1);
                ms.push_back(milliseconds(Clock::now() - start));
            }
            written.restore();
            peaks.push_back(meter.fma_now(threads));
            // The greater one: others may have taken time from either, and nothing makes a peak too high.
            const double peak = std::max(peaks[peaks.size() - 2], peaks.back());
            percents.push_back(100 * row.gmac / median(ms) * 1e3 / peak);
            all.insert(all.end(), ms.begin(), ms.end());
        }
        row.ms = summarize(all);
        row.peak_gmac_per_s = median(peaks);
        row.percent_of_peak = median(percents);
        return row;
    }

    const TrainingBenchOptions &options_;
    TrainingNetwork network_;
};

} // namespace

std::string training_part(const Step &step) {
    const std::string &generator = step.kernel.generator;
    if (!starts_with(generator, "conv2d_") && !starts_with(generator, "depthwise_")) return "other";
    // With its filters turned a convolution is the gradient of another one.
    if (ends_with(step.label, ".input_gradient")) return "grad_input";
    for (const std::string part : {"forward", "grad_input", "grad_weights"}) {
        if (ends_with(generator, "_" + part)) return part;
    }
    return "other";
}

std::vector<TrainingSum> sum_training(const std::vector<TrainingRow> &rows) {
    std::vector<int> threads;
    for (const TrainingRow &row : rows) {
        if (std::find(threads.begin(), threads.end(), row.threads) == threads.end()) threads.push_back(row.threads);
    }
    std::vector<TrainingSum> sums;
    for (int count : threads) {
        for (const std::string part : {"forward", "grad_input", "grad_weights", "gradients", "other"}) {
            TrainingSum sum;
            sum.part = part;
            sum.threads = count;
            double at_peak = 0, at_bandwidth = 0;
            for (const TrainingRow &row : rows) {
                const bool gradient = row.part == "grad_input" || row.part == "grad_weights";
                if (row.threads != count || !(row.part == part || (part == "gradients" && gradient))) continue;
                const double ms = row.count * row.ms.median;
                sum.ms += ms;
                sum.gmac += row.count * row.gmac;
                sum.bytes += row.count * row.bytes;
                at_peak += ms * row.percent_of_peak;
                at_bandwidth += ms * row.percent_of_memory;
            }
            if (sum.ms == 0) continue;
            sum.percent_of_peak = at_peak / sum.ms;
            sum.percent_of_memory = at_bandwidth / sum.ms;
            sums.push_back(sum);
        }
    }
    return sums;
}

TrainingBenchResult bench_training(const TrainingBenchOptions &options, const std::vector<int> &threads, bool quiet) {
    TrainingBenchResult result;
    const LoadedModel model = load_model(options.model);
    KernelStore kernels(kernel_folder());
    Bench bench(options, model, kernels);
    const size_t distinct = distinct_steps(bench.plan(), options.filter).size();
    if (distinct == 0) throw UsageError("--filter " + options.filter + ": no kernel or layer has such a name");
    LoadGuard guard(quiet);
    MachineMeter meter(kernels, threads);
    for (int count : threads) {
        if (options.passes == 0) continue;
        for (const auto &part : bench.all_ratios())
            result.passes.push_back(bench.whole_steps(count, part));
    }
    if (options.kernels) {
        bench.select(bench.all_ratios().front());
        Progress progress("bench training of " + options.model, distinct, quiet);
        bench.rows(threads, meter, progress, result.rows);
    }
    for (int count : threads)
        meter.measure_memory(count);
    for (TrainingRow &row : result.rows)
        row.percent_of_memory = 100 * row.bytes_per_s() / meter.peak(row.threads).memory.best();
    result.sums = sum_training(result.rows);
    meter.report(result.machine);
    result.machine.load = guard.finish();
    return result;
}

} // namespace afnet
