// The targets that kernels are compiled for, and which of them this CPU may run.
#pragma once

#include <string>
#include <vector>

#include "runtime/cpu_features.h"
#include "runtime/dtype.h"

namespace afnet {

/// Through which interface a target's kernels reach a GPU; None: they run on the CPU.
enum class GpuInterface { None, OpenCl, Cuda };

/// One line per target: everything that compiles, links, tests or loads for it starts here.
struct Target {
    std::string name;                         // e.g. `x86-64-avx2`: in manifests, records, AFNET_TARGET and --target
    std::string halide;                       // Halide's target string, every implied feature spelt out
    std::vector<std::string> features;        // what the CPU must have, in cpu_features() words
    std::string linker;                       // the compiler driver that links its kernel libraries
    std::vector<Dtype> dtypes = {Dtype::F32}; // of the kernels in its libraries
    std::string extends = "";                 // the target whose kernels it uses beside its own; empty: none
    std::vector<std::string> forbidden = {};  // instructions that its kernels must not hold: instruction_check.h
    bool (*fits)(const KernelSpec &) = nullptr; // of those dtypes, the kernels that its libraries hold; null: all
    std::string required = "";                  // an instruction that each of its kernels must hold
    GpuInterface gpu = GpuInterface::None;      // its libraries are never mixed with a CPU target's
};

/// All targets, best last within an architecture. Those of GPUs come behind them; a CPU never chooses them. Last are those
/// of the file that AFNET_TARGET_FILE names (runtime/target_file.h), which are used where they are asked for by name.
/// Throws Error where that file is wrong.
const std::vector<Target> &targets();

/// The compute capability that a GPU must have for a target, 10 * major + minor; 0 where it is not of CUDA.
int cuda_capability(const Target &target);

/// Whether the target's own libraries hold kernels of `dtype`.
bool has_dtype(const Target &target, Dtype dtype);

/// Whether the target's own libraries hold this kernel, where they hold its model.
bool has_kernel(const Target &target, const KernelSpec &spec);

/// The target and those whose kernels it uses as well, its own first.
std::vector<std::string> with_extended(const Target &target);

/// Throws UsageError for an unknown name; the message lists the known ones.
const Target &target_named(const std::string &name);

/// Required features that cpu_features() lacks; empty where kernels for `target` may run.
std::vector<std::string> missing_features(const std::vector<std::string> &required);

/// Whether schedules for GPUs exist for the kernel: every f32 kernel that plans for GPUs need.
bool has_gpu_schedule(const KernelSpec &spec);

/// True when kernels for the target's architecture and features may run here, on the CPU: never for a GPU target.
bool runs_here(const Target &target);

/// The target that is used: AFNET_TARGET when set (throws Error when unknown or this CPU lacks it), else the best one
/// that runs here and has kernels of `dtype`, of those named in `compiled` unless that is empty. Throws Error where
/// there is none. `why` receives the reason in words.
const Target &choose_target(std::string *why = nullptr, const std::vector<std::string> &compiled = {},
                            Dtype dtype = Dtype::F32);

}  // namespace afnet
