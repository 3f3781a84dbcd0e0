#include "bench/kernel_bench.h"

#include <algorithm>
#include <cmath>
#include <fnmatch.h>
#include <functional>
#include <map>
#include <tuple>

#include "bench/sparsity_masks.h"
#include "bench/stages.h"
#include "bench/step_calls.h"
#include "model/installation.h"
#include "model/isolated_step.h"
#include "model/progress.h"
#include "model/step_selection.h"
#include "runtime/device_choice.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

constexpr int kTurns = 3; // of the peak and a kernel

std::string extents_text(const TensorInfo &tensor) {
    std::string text;
    for (int extent : tensor.extents)
        text += (text.empty() ? "" : "x") + std::to_string(extent);
    return text;
}

bool is_activation(const Plan &plan, const Argument &argument) {
    return !argument.ignored && plan.tensors[size_t(argument.tensor)].storage != Storage::Constant;
}

// Everything that the kernel's name leaves open.
std::string shape_key(const Plan &plan, const Step &step) {
    std::string key = step.kernel.name();
    for (const Argument &argument : step.arguments) {
        if (!is_activation(plan, argument)) continue;
        const TensorInfo &tensor = plan.tensors[size_t(argument.tensor)];
        key += " " + argument.name + extents_text(tensor) + "b" + std::to_string(tensor.border);
    }
    return key;
}


/// What all rows of one plan have in common.
struct PlanBench {
    const KernelBenchOptions &options;
    const LoadedModel &model;
    const LoweredNetwork &network;
    KernelStore &kernels;
    MachineMeter &meter;
    KernelRow row;
    RunShape shape;
};

KernelRow measured(KernelRow row, IsolatedStep &step, MachineMeter &meter, double seconds) {
    StepCalls calls(step);
    const bool cold = row.setting.caches == "cold";
    configure_halide(row.setting.threads);
    step.run();
    for (int turn = 0; turn < kTurns; turn++) {
        if (!step.device()) meter.measure_fma(row.setting.threads);
        calls.turn(seconds / kTurns, cold ? [&] { meter.sweep_caches(); } : std::function<void()>());
    }
    row.ms = summarize(calls.ms);
    row.cores = calls.wall_ms > 0 ? calls.processor_ms / calls.wall_ms : 0;
    return row;
}

void bench_step(const PlanBench &bench, const DistinctStep &distinct, const std::vector<int> &threads,
                std::vector<KernelRow> &rows) {
    IsolatedStep step(bench.network, distinct.index, bench.kernels, bench.model.description.name, bench.model.weights);
    const int frames = selected_count(bench.options.rt, bench.shape.frames) * bench.shape.clips;
    select(step, bench.network, distinct.index,
           step_masks(bench.model.description, bench.shape, frames, bench.row.setting.rs));
    if (step.frames() == 0) return;
    KernelRow row = bench.row;
    row.kernel = step.step().kernel.name();
    row.layer = step.step().label;
    row.vendor = step.kernel().entry->vendor;
    row.count = distinct.count;
    row.shape = shape_text(bench.network.plan, bench.network.plan.steps[distinct.index]);
    row.convolution = counts_as_convolution(step.step());
    row.gmac = step.macs() / 1e9;
    row.bytes = step.compulsory_bytes();
    for (int count : threads) {
        row.setting.threads = count;
        for (const bool cold : {false, true}) {
            if (cold && !bench.options.cold) continue;
            row.setting.caches = cold ? "cold" : "warm";
            rows.push_back(measured(row, step, bench.meter, bench.options.seconds));
        }
    }
}

bool passes(const std::string &filter, const Step &step) {
    return ::fnmatch(filter.c_str(), step.kernel.name().c_str(), 0) == 0 ||
           ::fnmatch(filter.c_str(), step.label.c_str(), 0) == 0;
}

/// A target, and what its kernels run on.
struct Place {
    const Target *target = nullptr;
    std::string device; // empty: the CPU
};

Place place_of(const Target &target, const KernelBenchOptions &options) {
    const std::string prefix = "target " + target.name + ": ";
    if (options.vendor.use == VendorPolicy::Use::Everywhere && target.gpu != GpuInterface::Cuda) {
        throw UsageError(prefix + "--vendor-kernels " + vendor_policy_name(options.vendor) + " is for CUDA alone");
    }
    if (target.gpu == GpuInterface::None) {
        if (!runs_here(target)) throw Error(prefix + obstacle(target));
        return {&target, ""};
    }
    if (options.cold) throw UsageError(prefix + "--cold sweeps the caches of CPUs only; leave it out for devices");
    return {&target, device_of(target)};
}

std::vector<Place> wanted_places(const KernelBenchOptions &options) {
    std::vector<Place> wanted;
    for (const std::string &name : options.targets)
        wanted.push_back(place_of(target_named(name), options));
    if (wanted.empty()) {
        wanted.push_back(
            place_of(choose_library_target(kernel_folder(), nullptr, widest_dtype(options.run)), options));
    }
    return wanted;
}

void bench_plan(const PlanBench &bench, const std::vector<int> &threads, bool quiet, std::vector<KernelRow> &rows) {
    const Plan &plan = bench.network.plan;
    const std::vector<DistinctStep> steps = distinct_steps(plan, bench.options.filter);
    if (steps.empty()) throw UsageError("--filter " + bench.options.filter + ": no kernel or layer has such a name");
    Progress progress("bench " + bench.options.model + " for " + bench.row.setting.target, steps.size(), quiet);
    for (size_t i = 0; i < steps.size(); i++) {
        progress.update(i, plan.steps[steps[i].index].kernel.name());
        bench_step(bench, steps[i], threads, rows);
    }
    if (!bench.row.setting.device.empty()) return;
    for (int count : threads)
        bench.meter.measure_memory(count);
}

// All shapes on one target.
void bench_target(const KernelBenchOptions &options, const LoadedModel &model, const Place &place,
                  const std::vector<int> &threads, bool quiet, KernelBenchResult &result) {
    const Target &target = *place.target;
    KernelStore kernels(kernel_folder(), target, options.vendor);
    MachineMeter meter(kernels.host(), threads);
    std::vector<KernelRow> rows;
    for (RunShape shape : run_shapes(options.run, model)) {
        shape.without_masks = options.without_masks;
        shape = for_kernels(shape, kernels);
        KernelRow row;
        row.setting.device = place.device;
        if (options.rs) shape.forced_grid = options.grid;
        row.setting.grid = options.rs ? options.grid : model.description.spatial() ? model.description.grid : 0;
        row.setting.rs = options.rs.value_or(1);
        row.setting.model = options.model;
        row.setting.dtype = dtype_name(shape.dtype);
        row.setting.target = target.name;
        row.setting.frames = shape.frames;
        row.setting.size = shape.width;
        row.setting.clips = shape.clips;
        row.setting.rt = options.rt;
        const LoweredNetwork network = lower(model.description, shape);
        bench_plan({options, model, network, kernels, meter, row, shape}, threads, quiet, rows);
    }
    for (KernelRow &row : rows) {
        if (place.device.empty()) {
            const PeakFigures &peak = meter.peak(row.setting.threads);
            row.percent_of_peak = 100 * row.gmac_per_s() / peak.fma_gmac_per_s;
            row.percent_of_memory = 100 * row.bytes_per_s() / peak.memory.best();
        }
        result.rows.push_back(row);
    }
    meter.report(result.machine);
    add_device(result.machine, target);
}

} // namespace

bool operator==(const KernelSetting &a, const KernelSetting &b) {
    const auto all = [](const KernelSetting &s) {
        return std::tie(s.model, s.dtype, s.target, s.device, s.caches, s.frames, s.size, s.clips, s.threads, s.rt,
                        s.rs, s.grid);
    };
    return all(a) == all(b);
}

std::string shape_text(const Plan &plan, const Step &step) {
    std::string read, written;
    for (const Argument &argument : step.arguments) {
        if (!is_activation(plan, argument)) continue;
        std::string text = extents_text(plan.tensors[size_t(argument.tensor)]);
        if (read.empty()) {
            read = std::move(text);
        } else {
            written = std::move(text); // outputs come last
        }
    }
    return read + " -> " + written;
}

std::vector<DistinctStep> distinct_steps(const Plan &plan, const std::string &filter) {
    std::vector<DistinctStep> distinct;
    std::map<std::string, size_t> places;
    for (size_t i = 0; i < plan.steps.size(); i++) {
        if (!passes(filter, plan.steps[i])) continue;
        const auto [place, added] = places.try_emplace(shape_key(plan, plan.steps[i]), distinct.size());
        if (added) distinct.push_back({i, 0});
        distinct[place->second].count++;
    }
    return distinct;
}

std::vector<ConvolutionSum> sum_convolutions(const std::vector<KernelRow> &rows) {
    std::vector<ConvolutionSum> sums;
    for (const KernelRow &row : rows) {
        if (!row.convolution) continue;
        auto sum =
            std::find_if(sums.begin(), sums.end(), [&](const ConvolutionSum &s) { return s.setting == row.setting; });
        if (sum == sums.end()) {
            sum = sums.insert(sums.end(), ConvolutionSum{});
            sum->setting = row.setting;
        }
        if (sum->least_kernel.empty() || row.percent_of_peak < sum->least_percent) {
            sum->least_percent = row.percent_of_peak;
            sum->least_kernel = row.kernel;
            sum->least_layer = row.layer;
        }
        sum->ms += row.count * row.ms.median;
        sum->gmac += row.count * row.gmac;
        sum->percent_of_peak += row.count * row.ms.median * row.percent_of_peak;
    }
    for (ConvolutionSum &sum : sums)
        sum.percent_of_peak /= sum.ms;
    return sums;
}

KernelBenchResult bench_kernels(const KernelBenchOptions &options, const std::vector<int> &threads, bool quiet) {
    KernelBenchResult result;
    const LoadedModel model = load_model(options.model);
    const std::vector<Place> places = wanted_places(options);
    LoadGuard guard(quiet);
    for (const Place &place : places)
        bench_target(options, model, place, threads, quiet, result);
    result.convolutions = sum_convolutions(result.rows);
    result.machine.load = guard.finish();
    return result;
}

} // namespace afnet
