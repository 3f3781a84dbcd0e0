#include "runtime/target.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/target_file.h"
#include "runtime/text.h"
#include "runtime/tile_layers.h"

namespace afnet {

namespace {

#if defined(__x86_64__)
constexpr const char *kArchitecture = "x86-64";
#elif defined(__aarch64__)
constexpr const char *kArchitecture = "arm-64";
#else
constexpr const char *kArchitecture = "";
#endif

bool same_architecture(const Target &target) {
    return target.gpu == GpuInterface::None && kArchitecture[0] != 0 && target.halide.rfind(kArchitecture, 0) == 0;
}

// Kernels for a GPU: the host's half is plain x86-64, the other half a program text that the GPU's driver compiles.
Target gpu_target(const std::string &name, const std::string &features, GpuInterface gpu) {
    Target target{name, "x86-64-linux-" + features, {}, "c++"};
    target.fits = has_gpu_schedule;
    target.gpu = gpu;
    return target;
}

constexpr const char *kCapability = "cuda_capability_"; // in Halide's target strings

// PTX for a compute capability, which drivers translate for all later ones.
Target cuda_target(const std::string &capability, const std::string &extends = "") {
    Target target =
        gpu_target("cuda-" + capability, std::string("cuda-") + kCapability + capability, GpuInterface::Cuda);
    target.extends = extends;
    return target;
}

const std::vector<Target> &built_in_targets() {
    static const std::vector<Target> all = {
        {"x86-64", "x86-64-linux", {}, "c++", {Dtype::F32, Dtype::F64}},
        {"x86-64-avx2",
         "x86-64-linux-sse41-avx-f16c-fma-avx2",
         {"sse41", "avx", "f16c", "fma", "avx2"},
         "c++",
         {Dtype::F32, Dtype::F64}},
        {"x86-64-avx512",
         "x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake",
         {"sse41", "avx", "f16c", "fma", "avx2", "avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"},
         "c++",
         {Dtype::F32, Dtype::F64}},
        // Halide's features end at avx512_zen4, which stands for Zen 4 and everything that this processor has. Of that,
        // Intel's processors with bf16 lack SSE4a, which the code generator might use: such kernels are refused.
        {"x86-64-avx512-bf16",
         "x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake-avx512_cannonlake-avx512_zen4",
         {"sse41", "avx", "f16c", "fma", "avx2", "avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl",
          "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512bitalg", "avx512vpopcntdq", "gfni",
          "avx512bf16"},
         "c++",
         {Dtype::BF16},
         "x86-64-avx512",
         {"extrq", "insertq", "movntss", "movntsd"}},
        // Halide has AMX within avx512_sapphirerapids only, which allows AVX512-FP16 besides: all CPUs with AMX's bf16
        // have it.
        {"x86-64-amx",
         "x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake-avx512_cannonlake-avx512_zen4-avxvnni-"
         "avx512_sapphirerapids",
         {"sse41",           "avx",        "f16c",         "fma",        "avx2",
          "avx512f",         "avx512dq",   "avx512cd",     "avx512bw",   "avx512vl",
          "avx512ifma",      "avx512vbmi", "avx512vbmi2",  "avx512vnni", "avx512bitalg",
          "avx512vpopcntdq", "gfni",       "avx512bf16",   "avxvnni",    "avx512fp16",
          "amxtile",         "amxbf16",    "amxpermission"},
         "c++",
         {Dtype::BF16},
         "x86-64-avx512-bf16",
         {"extrq", "insertq", "movntss", "movntsd"},
         fits_tile_registers,
         "tdpbf16ps"},
        {"arm-64", "arm-64-linux", {}, "aarch64-linux-gnu-g++", {Dtype::F32, Dtype::F64}},
        gpu_target("opencl", "opencl", GpuInterface::OpenCl),
        cuda_target("80"),
        cuda_target("86", "cuda-80"),
    };
    return all;
}

}  // namespace

bool has_gpu_schedule(const KernelSpec &spec) {
    static const std::set<std::string> generators = {"add_branches",
                                                     "avg_pool",
                                                     "consensus",
                                                     "conv2d",
                                                     "conv2d_points",
                                                     "depthwise",
                                                     "expand_depthwise",
                                                     "fill_unselected",
                                                     "fuse_branches",
                                                     "gated_projection",
                                                     "linear",
                                                     "navigation",
                                                     "owe_patches",
                                                     "scale_channels",
                                                     "settle_patches",
                                                     "spatial_mean",
                                                     "spatial_navigation",
                                                     "stem",
                                                     "temporal_shift",
                                                     "tile_list",
                                                     "work_list"};
    return generators.count(spec.generator) > 0;
}

const std::vector<Target> &targets() {
    static const std::vector<Target> all = [] {
        std::vector<Target> all = built_in_targets();
        const char *path = std::getenv("AFNET_TARGET_FILE");
        if (!path || !*path) return all;
        std::vector<std::string> names;
        for (const Target &target : all) names.push_back(target.name);
        const std::string where = std::string("AFNET_TARGET_FILE=") + path;
        for (Target &target : parse_targets(read_file(path), names, where)) all.push_back(std::move(target));
        return all;
    }();
    return all;
}

const Target &target_named(const std::string &name) {
    std::vector<std::string> known;
    for (const Target &target : targets()) {
        if (target.name == name) return target;
        known.push_back(target.name);
    }
    throw UsageError("unknown target '" + name + "'; known are " + join(known));
}

int cuda_capability(const Target &target) {
    const size_t at = target.halide.find(kCapability);
    return at == std::string::npos ? 0 : std::atoi(target.halide.c_str() + at + std::strlen(kCapability));
}

std::vector<std::string> missing_features(const std::vector<std::string> &required) {
    std::vector<std::string> missing;
    const auto &have = cpu_features();
    std::copy_if(required.begin(), required.end(), std::back_inserter(missing),
                 [&](const std::string &f) { return std::find(have.begin(), have.end(), f) == have.end(); });
    return missing;
}

bool runs_here(const Target &target) {
    return same_architecture(target) && missing_features(target.features).empty();
}

std::vector<std::string> with_extended(const Target &target) {
    std::vector<std::string> names = {target.name};
    if (!target.extends.empty()) {
        for (std::string &name : with_extended(target_named(target.extends)))
            names.push_back(std::move(name));
    }
    return names;
}

bool has_dtype(const Target &target, Dtype dtype) {
    return std::find(target.dtypes.begin(), target.dtypes.end(), dtype) != target.dtypes.end();
}

bool has_kernel(const Target &target, const KernelSpec &spec) {
    return has_dtype(target, dtype_of(spec)) && (!target.fits || target.fits(spec));
}

namespace {

// With its own kernels or with those of a target that it extends.
bool serves(const Target &target, Dtype dtype) {
    return has_dtype(target, dtype) || (!target.extends.empty() && serves(target_named(target.extends), dtype));
}

std::vector<std::string> names_with(Dtype dtype) {
    std::vector<std::string> names;
    for (const Target &target : targets()) {
        if (has_dtype(target, dtype)) names.push_back(target.name);
    }
    return names;
}

// Why no target has kernels of `dtype` here: what this CPU lacks, or that nobody compiled them.
[[noreturn]] void refuse_dtype(Dtype dtype) {
    std::string reasons;
    for (const std::string &name : names_with(dtype)) {
        const Target &target = target_named(name);
        const auto missing = missing_features(target.features);
        reasons += reasons.empty() ? "" : "; ";
        reasons += name + (!same_architecture(target) ? " is for another architecture"
                           : missing.empty()
                               ? " has no kernel library here: run `afnet compile --target " + name + " --model MODEL`"
                               : ": " + absence_of(missing));
    }
    throw Error("dtype " + dtype_name(dtype) + " runs on some targets only: " + reasons);
}

const Target &forced_target(const std::string &name) {
    try {
        return target_named(name);
    } catch (const UsageError &error) {
        throw UsageError("AFNET_TARGET=" + name + ": " + error.what());
    }
}

}  // namespace

const Target &choose_target(std::string *why, const std::vector<std::string> &compiled, Dtype dtype) {
    if (const char *forced = std::getenv("AFNET_TARGET"); forced && *forced) {
        const Target &target = forced_target(forced);
        if (target.gpu != GpuInterface::None) {
            throw Error(std::string("AFNET_TARGET=") + forced +
                        ": its kernels run on a GPU; AFNET_TARGET chooses among CPU targets");
        }
        if (!same_architecture(target)) {
            throw Error(std::string("AFNET_TARGET=") + forced + ": this machine is " + kArchitecture +
                        "; choose one of its targets or unset AFNET_TARGET");
        }
        const auto missing = missing_features(target.features);
        if (!missing.empty()) {
            throw Error(std::string("AFNET_TARGET=") + forced + ": " + absence_of(missing) + "; choose another target or unset AFNET_TARGET");
        }
        if (!serves(target, dtype)) {
            throw Error(std::string("AFNET_TARGET=") + forced + ": has no kernels of dtype " + dtype_name(dtype) +
                        "; targets that have: " + join(names_with(dtype)));
        }
        if (why) *why = "AFNET_TARGET asks for it";
        return target;
    }
    targets(); // a wrong target file is an error whatever is chosen
    const Target *best = nullptr;
    for (const Target &target : built_in_targets()) {
        const bool usable =
            compiled.empty() || std::find(compiled.begin(), compiled.end(), target.name) != compiled.end();
        if (usable && has_dtype(target, dtype) && runs_here(target)) best = &target;
    }
    if (best) {
        if (why) *why = "the best one whose features this CPU and its operating system have";
        return *best;
    }
    if (dtype != Dtype::F32) refuse_dtype(dtype);
    throw Error(compiled.empty() ? "no kernel target runs on this machine: it is neither x86-64 nor arm-64"
                                 : "this machine runs none of the targets that kernels were compiled for: " +
                                       join(compiled) + "; compile for another with `afnet compile --target`");
}

}  // namespace afnet
