#include "bench/codegen/kernel_speed.h"

#include <algorithm>
#include <map>
#include <set>

#include "autotune/kernel_compiler.h"
#include "bench/kernel_bench.h"
#include "bench/step_calls.h"
#include "model/lowering.h"
#include "model/machine.h"
#include "model/progress.h"
#include "runtime/halide_host.h"

namespace afnet {

namespace {

constexpr int kTurns = 3; // of the peak and a kernel

// A library of these kernels alone, with the knobs that they were emitted with, and one of measurements.
void compile_library(const SpeedRequest &request, const Variant &variant, const std::vector<KernelCode *> &codes) {
    CompileRequest compile;
    compile.target = variant.target;
    compile.generators = request.generators;
    compile.records = request.records;
    compile.output = request.scratch;
    compile.cache = request.cache;
    compile.model = "codegen";
    for (const KernelCode *code : codes) {
        compile.specs.push_back(code->spec);
        compile.knobs[code->kernel] = code->knobs;
    }
    compile_kernels(compile, request.jobs, request.quiet);
    compile.model = kMachineLibrary;
    compile.knobs.clear();
    for (const std::string &name : with_extended(variant.target)) {
        compile.target = target_named(name);
        compile.specs.clear();
        for (const KernelSpec &spec : machine_specs()) {
            if (has_kernel(compile.target, spec)) compile.specs.push_back(spec);
        }
        if (!compile.specs.empty()) compile_kernels(compile, request.jobs, request.quiet);
    }
}

ShapeSpeed measured(IsolatedStep &step, PeakMeter &peak, double seconds) {
    ShapeSpeed speed;
    StepCalls calls(step);
    double best = 0;
    step.run();
    for (int turn = 0; turn < kTurns; turn++) {
        best = std::max(best, peak.measure());
        calls.turn(seconds / kTurns);
    }
    speed.ms = summarize(calls.ms).median;
    speed.gmac = step.macs() / 1e9;
    speed.percent_of_peak = 100 * speed.gmac_per_s() / best;
    return speed;
}

} // namespace

void measure_speed(const SpeedRequest &request, const Variant &variant, const std::vector<KernelCode *> &codes) {
    compile_library(request, variant, codes);
    const LoadedModel model = load_model(request.model);
    KernelStore kernels(request.scratch, variant.target);
    configure_halide(request.threads);
    PeakMeter peak(kernels, request.threads);
    std::map<std::string, KernelCode *> by_name;
    std::set<std::string> dtypes;
    for (KernelCode *code : codes) {
        by_name[code->kernel] = code;
        dtypes.insert(dtype_name(dtype_of(code->spec)));
    }
    for (const std::string &dtype : dtypes) {
        const RunShape shape = run_shape(model, request.frames, request.size, 1, dtype, "masked");
        const LoweredNetwork network = lower(model.description, shape);
        std::vector<DistinctStep> steps;
        for (const DistinctStep &step : distinct_steps(network.plan)) {
            if (by_name.count(network.plan.steps[step.index].kernel.name()) > 0) steps.push_back(step);
        }
        Progress progress("measure " + variant.name, steps.size(), request.quiet);
        for (size_t i = 0; i < steps.size(); i++) {
            const Step &planned = network.plan.steps[steps[i].index];
            progress.update(i, planned.kernel.name());
            IsolatedStep step(network, steps[i].index, kernels, "codegen", model.weights);
            ShapeSpeed speed = measured(step, peak, request.seconds);
            speed.shape = shape_text(network.plan, planned);
            speed.layer = planned.label;
            speed.count = steps[i].count;
            by_name[planned.kernel.name()]->speed.push_back(std::move(speed));
        }
    }
}

} // namespace afnet
