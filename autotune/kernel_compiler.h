// Kernel specs to kernel libraries: runs generators through a content-addressed cache, links what they make.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "autotune/process.h"
#include "runtime/error.h"
#include "runtime/kernel_library.h"

namespace afnet {

/// What to compile and with what.
struct CompileRequest {
    std::string model;             // the library's name
    std::vector<KernelSpec> specs; // each once
    Target target;
    std::string generators;                                  // folder of generator executables
    std::string records;                                     // folder of records
    std::map<std::string, std::map<std::string, int>> knobs; // by kernel, in the place of its record
    std::string output;                                      // folder of kernel libraries
    std::string cache;                                       // folder of compiled kernels, shared by all models
    std::string extra_features;                              // appended to Halide's target string, e.g. `-asan`
    ProcessLimits limits;                                    // of each generator
};

struct CompileReport {
    std::string manifest_path;
    size_t kernels = 0, generated = 0; // generated: neither found in the cache nor made for a library before it
    bool linked = false;               // false: the library was up to date
};

/// A generator that did not make its kernel.
class GenerationError : public Error {
public:
    GenerationError(const std::string &kernel, ProcessResult how);
    ProcessResult result;
};

/// Compiles and links libraries, with `jobs` processes at a time; kernels first, each once. Throws Error when a
/// generator, libHalide or the linker is missing or fails; a library that was there before is then untouched, or the
/// finished one. A kernel's cache key is the hash of its generator executable, libHalide, parameters, knobs, target and
/// of HL_LLVM_ARGS in the environment, so that nothing stale is ever used.
std::vector<CompileReport> compile_kernels(const std::vector<CompileRequest> &requests, int jobs, bool quiet);
CompileReport compile_kernels(const CompileRequest &request, int jobs = 1, bool quiet = true);

/// The executable that makes a spec's kernel, in the folder `generators`.
std::string generator_path(const std::string &generators, const KernelSpec &spec);

/// Halide's target string for a target's kernels.
std::string kernel_target(const Target &target);

/// The command that makes a spec's kernel in a folder: what `emitted` names, in Halide's words with commas between
/// them, as `<kernel's name>.o` and so on, and the knobs that the schedule settled on as `knobs.json`.
std::vector<std::string> generator_command(const std::string &generators, const KernelSpec &spec,
                                           const std::map<std::string, int> &knobs, const std::string &halide_target,
                                           const std::string &folder, const std::string &emitted);

/// One hash of that executable and of libHalide: what a measurement of its kernels is good for. Throws Error when
/// either is missing.
std::string generator_hash(const std::string &generators, const KernelSpec &spec);

/// Kernels to compile, and knobs for those that are to have others than their record's.
struct SpecList {
    std::vector<KernelSpec> specs; // each once
    std::map<std::string, std::map<std::string, int>> knobs;
};

/// The specs of a JSON file: [{"generator": …, "params": {…}, "knobs": {…}}, …], knobs as the case may be. Throws Error
/// when it is no such file.
SpecList read_specs(const std::string &path);

} // namespace afnet
