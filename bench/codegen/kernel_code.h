// A kernel's code for one target: what its generator emits, and what that consists of.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/codegen/code_figures.h"
#include "bench/codegen/kernel_choice.h"
#include "bench/codegen/machine_model.h"

namespace afnet {

/// What a generator can emit, as `--emit` names it.
struct EmittedKind {
    const char *name;      // `stmt`
    const char *halide;    // Halide's word for it
    const char *extension; // `.stmt`
    const char *title;     // for people
};
/// stmt, html, llvm, asm, object.
const std::vector<EmittedKind> &emitted_kinds();

/// The kinds of a list with commas. Throws UsageError.
std::vector<EmittedKind> emitted_kinds_named(const std::string &list);

/// A kernel on one shape that a model runs it on.
struct ShapeSpeed {
    std::string shape, layer;
    int count = 0; // steps of the network that run it so
    double ms = 0, gmac = 0, percent_of_peak = 0;
    double gmac_per_s() const { return ms > 0 ? gmac / ms * 1e3 : 0; }
};

/// Where a model runs a kernel: layers, in the order of the plan, and what they are for (bench/stages.h), each once.
struct ModelUse {
    std::vector<std::string> layers, kinds;
};

struct KernelCode {
    std::string kernel, variant;
    Target target;
    KernelSpec spec;
    Knobs knobs, resolved;                    // given, and what the schedule settled on
    std::map<std::string, std::string> files; // by kind: names within the output folder
    size_t object_bytes = 0, code_bytes = 0;  // of the object file, and of its sections with instructions
    double compile_seconds = 0;               // of processor time, for the object alone
    CodeFigures figures;
    std::optional<LoopPrediction> prediction; // of the main loop
    ModelUse use;                             // empty: no model, or one that runs it under other options
    std::vector<ShapeSpeed> speed;            // empty: not measured
    std::vector<std::string> remarks;
};

/// How kernels are emitted.
struct CodeRequest {
    std::string generators, records;
    std::vector<EmittedKind> kept; // files that stay in the output folder
    std::string output;            // that folder; empty: nothing stays
    std::string scratch;           // a folder for unfinished files, within the output folder where there is one
    const MachineModel *model = nullptr;
};

/// Runs a kernel's generator: once for the object, by the command that `afnet compile` uses, once for everything else.
/// Files get their names in the end: `<kernel>.<target>[.<knobs>].<extension>`. Throws Error where the generator fails,
/// UsageError where it has no such knobs or values.
KernelCode kernel_code(const KernelSpec &spec, const Variant &variant, const CodeRequest &request);

} // namespace afnet
