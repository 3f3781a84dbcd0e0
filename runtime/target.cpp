#include "runtime/target.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "runtime/error.h"
#include "runtime/text.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace afnet {

namespace {

#if defined(__x86_64__)
constexpr const char *kArchitecture = "x86-64";
#elif defined(__aarch64__)
constexpr const char *kArchitecture = "arm-64";
#else
constexpr const char *kArchitecture = "";
#endif

std::vector<std::string> detect_features() {
    std::vector<std::string> found;
#if defined(__x86_64__)
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
    const auto bit = [](unsigned word, int n) { return ((word >> n) & 1u) != 0; };
    // The operating system must save a register before a program may use it: XCR0 says which ones it saves.
    uint64_t saved = 0;
    if (bit(c, 27)) {
        unsigned low = 0, high = 0;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        saved = (uint64_t(high) << 32) | low;
    }
    const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
    const unsigned leaf1 = c;
    unsigned leaf7 = 0, leaf7c = 0, leaf71 = 0, subleaves = 0, unused = 0;
    if (!__get_cpuid_count(7, 0, &subleaves, &leaf7, &leaf7c, &d)) leaf7 = leaf7c = subleaves = 0;
    if (subleaves < 1 || !__get_cpuid_count(7, 1, &leaf71, &unused, &c, &d)) leaf71 = 0;
    const auto add = [&](const char *name, bool present) {
        if (present) found.push_back(name);
    };
    add("sse41", bit(leaf1, 19));
    add("avx", ymm && bit(leaf1, 28));
    add("f16c", ymm && bit(leaf1, 29));
    add("fma", ymm && bit(leaf1, 12));
    add("avx2", ymm && bit(leaf7, 5));
    add("avx512f", zmm && bit(leaf7, 16));
    add("avx512dq", zmm && bit(leaf7, 17));
    add("avx512cd", zmm && bit(leaf7, 28));
    add("avx512bw", zmm && bit(leaf7, 30));
    add("avx512vl", zmm && bit(leaf7, 31));
    add("avx512ifma", zmm && bit(leaf7, 21));
    add("avx512vbmi", zmm && bit(leaf7c, 1));
    add("avx512vbmi2", zmm && bit(leaf7c, 6));
    add("gfni", zmm && bit(leaf7c, 8));
    add("avx512vnni", zmm && bit(leaf7c, 11));
    add("avx512bitalg", zmm && bit(leaf7c, 12));
    add("avx512vpopcntdq", zmm && bit(leaf7c, 14));
    add("avx512bf16", zmm && bit(leaf71, 5));
#endif
    return found;
}

bool same_architecture(const Target &target) {
    return kArchitecture[0] != 0 && target.name.rfind(kArchitecture, 0) == 0;
}

}  // namespace

const std::vector<Target> &targets() {
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
        {"arm-64", "arm-64-linux", {}, "aarch64-linux-gnu-g++", {Dtype::F32, Dtype::F64}},
    };
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

const std::vector<std::string> &cpu_features() {
    static const std::vector<std::string> features = detect_features();
    return features;
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
                               : " needs " + join(missing) + ", which this CPU lacks");
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
        if (!same_architecture(target)) {
            throw Error(std::string("AFNET_TARGET=") + forced + ": this machine is " + kArchitecture +
                        "; choose one of its targets or unset AFNET_TARGET");
        }
        const auto missing = missing_features(target.features);
        if (!missing.empty()) {
            throw Error(std::string("AFNET_TARGET=") + forced + ": this CPU lacks " + join(missing) +
                        "; choose another target or unset AFNET_TARGET");
        }
        if (!serves(target, dtype)) {
            throw Error(std::string("AFNET_TARGET=") + forced + ": has no kernels of dtype " + dtype_name(dtype) +
                        "; targets that have: " + join(names_with(dtype)));
        }
        if (why) *why = "AFNET_TARGET asks for it";
        return target;
    }
    const Target *best = nullptr;
    for (const Target &target : targets()) {
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
