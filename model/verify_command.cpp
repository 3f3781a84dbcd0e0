// afnet verify: compares the program with reference vectors.
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "model/command_line.h"
#include "model/device_option.h"
#include "model/verify.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

void print_text(const CaseReport &report, bool quiet) {
    std::printf("%s: %s (%s, %.1f ms, arena %.1f MiB)\n", report.path.c_str(), report.passed() ? "pass" : "FAIL",
                report.model.c_str(), report.milliseconds, double(report.arena_bytes) / (1 << 20));
    if (quiet && report.passed()) return;
    std::printf("  %-36s %12s %12s\n", "tensor", "max |diff|", "relative");
    for (const TensorDifference &t : report.tensors) {
        std::printf("  %-36s %12.3g %12.3g  %s%s%s\n", t.name.c_str(), t.largest_absolute, t.largest_relative,
                    t.passed ? "pass" : "FAIL", t.remark.empty() ? "" : "  ", t.remark.c_str());
    }
}

void print_json(const CaseReport &report) {
    nlohmann::json rows = nlohmann::json::array();
    for (const TensorDifference &t : report.tensors) {
        rows.push_back({{"name", t.name},
                        {"max_absolute", t.largest_absolute},
                        {"max_relative", t.largest_relative},
                        {"tolerance", t.tolerance},
                        {"passed", t.passed},
                        {"remark", t.remark}});
    }
    const nlohmann::json line = {{"path", report.path},
                                 {"model", report.model},
                                 {"status", report.passed() ? "pass" : "fail"},
                                 {"ms", report.milliseconds},
                                 {"arena_bytes", report.arena_bytes},
                                 {"tensors", rows}};
    std::printf("%s\n", json_text(line).c_str());
}

struct Options {
    std::vector<std::string> paths;
    std::optional<Dtype> dtype;
    DeviceOptions device;

    Dtype dtype_of(const std::string &path) const {
        return dtype.value_or(is_training_case(path) ? Dtype::F64 : Dtype::F32);
    }
};

// Of all cases of an element type: they run on one device. What is wrong with a case is said where it is run.
std::vector<KernelSpec> kernels_needed(const Options &options, Dtype dtype) {
    std::vector<KernelSpec> all;
    for (const std::string &path : options.paths) {
        try {
            if (options.dtype_of(path) != dtype) continue;
            for (KernelSpec &spec : case_kernels(path, dtype))
                all.push_back(std::move(spec));
        } catch (const Error &) {
            continue;
        }
    }
    return all;
}

const RegisterCommand registered{
    {"verify", "Compare the network with reference vectors, tensor by tensor",
     [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         app.add_option("case", o->paths, "Reference-vector files (safetensors with a `case` in their metadata)")
             .required();
         app.add_option_function<std::string>(
                "--dtype", [o](const std::string &name) { o->dtype = dtype_named(name); },
                "Element type of activations; default: f32, and f64 for training cases")
             .one_of(dtype_names());
         add_device_options(app, o->device);
         app.footer("Example: afnet verify tests/golden/r50_tsn_t8_s64.safetensors");
         return [o, &context] {
             configure_halide(context.threads);
             std::map<Dtype, std::unique_ptr<KernelStore>> stores;
             bool passed = true;
             for (const std::string &path : o->paths) {
                 try {
                     const Dtype dtype = o->dtype_of(path);
                     std::unique_ptr<KernelStore> &kernels = stores[dtype];
                     if (!kernels) {
                         kernels.reset(new KernelStore(device_kernels(
                             o->device, dtype, [&] { return kernels_needed(*o, dtype); }, context.quiet)));
                     }
                     const CaseReport report = verify_case(path, *kernels, dtype);
                     context.json ? print_json(report) : print_text(report, context.quiet);
                     passed = passed && report.passed();
                 } catch (const Interrupted &) {
                     throw;
                 } catch (const Error &error) {
                     passed = false;
                     if (context.json) {
                         std::printf("%s\n",
                                     json_text(nlohmann::json({{"path", path}, {"status", "error"}, {"error", error.what()}}))
                                         .c_str());
                     }
                     std::fprintf(stderr, "afnet: %s\n", error.what());
                 }
             }
             return passed ? 0 : 1;
         };
     }}};

}  // namespace

}  // namespace afnet
