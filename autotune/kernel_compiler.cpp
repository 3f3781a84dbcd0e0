#include "autotune/kernel_compiler.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "autotune/instruction_check.h"
#include "autotune/parallel_jobs.h"
#include "autotune/process.h"
#include "autotune/records.h"
#include "autotune/scratch_folder.h"
#include "model/progress.h"
#include "runtime/content_hash.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "runtime/vendor_choice.h"

namespace afnet {

namespace {

namespace fs = std::filesystem;

// Operators whose generators share an executable with another's.
std::string executable_of(const std::string &generator) {
    return (generator == "normalize" ? "resize" : generator) + "_generator";
}

void make_folder(const std::string &path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) throw Error(path + ": cannot make this folder: " + error.message());
}

// The libHalide that a generator is linked with, as the dynamic linker finds it.
std::string halide_library(const std::string &generator) {
    const ProcessResult result = run_process({"ldd", generator});
    const size_t at = result.output.find("libHalide");
    const size_t arrow = result.output.find("=> ", at), end = result.output.find(" (", at);
    if (result.status != 0 || at == std::string::npos || arrow == std::string::npos || end < arrow) {
        throw Error(generator + ": libHalide is not found for it; run scripts/setup and build the project again");
    }
    return result.output.substr(arrow + 3, end - arrow - 3);
}

// Hashes of generators and of the libHalide that each is linked with; a file is read once.
class GeneratorHashes {
public:
    struct Hashes {
        std::string executable, halide;
    };

    const Hashes &of(const std::string &executable) {
        Hashes &hashes = hashes_[executable];
        if (hashes.executable.empty()) {
            if (!fs::exists(executable)) {
                throw Error(executable + ": no such generator; `afnet compile` needs the project's generators, "
                                         "libHalide and a linker: build the project, or name them with --generators");
            }
            std::string &halide = halide_[fs::path(executable).parent_path().string()];
            if (halide.empty()) halide = file_hash(halide_library(executable));
            hashes = {file_hash(executable), halide};
        }
        return hashes;
    }

private:
    std::map<std::string, Hashes> hashes_;
    std::map<std::string, std::string> halide_; // by the generators' folder
};

struct Job {
    KernelSpec spec;
    std::map<std::string, int> knobs;  // from the record
    std::map<std::string, int> vendor; // the same, of a vendor's kernel: no generator knows them
    std::string key;                   // in the cache
};

// One library: the kernels that the cache lacks, then the link.
class Compilation {
public:
    Compilation(const CompileRequest &request, GeneratorHashes &hashes) : request_(request) {
        if (!fs::is_directory(request_.records)) {
            throw Error(request_.records + ": no such folder of records; name it with --records");
        }
        make_folder(request_.output);
        make_folder(request_.cache);
        plan_jobs(hashes);
        report_.kernels = jobs_.size();
        report_.manifest_path = stem() + ".json";
    }

    // Those that are neither cached nor in `planned`, where their files' names are added.
    std::vector<const Job *> missing(std::set<std::string> &planned) {
        std::vector<const Job *> result;
        for (const Job &job : jobs_) {
            if (fs::exists(cached(job, ".o")) && fs::exists(cached(job, ".json"))) continue;
            if (planned.insert(cached(job, ".o")).second) result.push_back(&job);
        }
        report_.generated = result.size();
        return result;
    }

    void generate(const Job &job) const {
        const ScratchFolder scratch(request_.cache);
        const std::string name = job.spec.name();
        ProcessResult result = run_process(
            generator_command(request_.generators, job.spec, job.knobs, target_string(), scratch.path(), "object"),
            request_.limits);
        if (result.status != 0) throw GenerationError(name, std::move(result));
        require_allowed_instructions(scratch.path() + "/" + name + ".o", request_.target);
        move_into_place(scratch.path() + "/knobs.json", cached(job, ".json"));
        move_into_place(scratch.path() + "/" + name + ".o", cached(job, ".o"));
    }

    void link() { report_.linked = link(report_.manifest_path); }

    const CompileReport &report() const { return report_; }
    const std::string &target() const { return request_.target.name; }

private:
    std::string stem() const { return request_.output + "/" + request_.model + "." + request_.target.name; }
    std::string cached(const Job &job, const char *extension) const {
        return request_.cache + "/" + job.key + extension;
    }
    std::string target_string() const { return kernel_target(request_.target) + request_.extra_features; }

    void plan_jobs(GeneratorHashes &hashes) {
        for (const KernelSpec &spec : request_.specs) {
            const auto &[executable, halide] = hashes.of(generator_path(request_.generators, spec));
            Job job;
            job.spec = spec;
            const auto given = request_.knobs.find(spec.name());
            job.knobs = given != request_.knobs.end()
                            ? given->second
                            : record_knobs(request_.records, request_.target.name, spec.name());
            job.vendor = take_vendor_knobs(job.knobs, spec, request_.target);
            nlohmann::json key = {executable, halide, spec.name(), spec.params, job.knobs, target_string()};
            // Halide hands these on to LLVM: they are part of what makes the code.
            if (const char *options = std::getenv("HL_LLVM_ARGS")) key.push_back(options);
            job.key = content_hash(key.dump());
            jobs_.push_back(std::move(job));
        }
    }

    // The manifest is written last: it vouches for the library's contents.
    bool link(const std::string &manifest_path) {
        Manifest manifest;
        manifest.model = request_.model;
        manifest.target = request_.target.name;
        manifest.features = request_.target.features;
        manifest.library = fs::path(stem() + ".so").filename().string();
        std::string inputs = request_.target.linker;
        for (const Job &job : jobs_) {
            inputs += job.key + nlohmann::json(job.vendor).dump();
            KernelEntry entry;
            entry.spec = job.spec;
            entry.symbol = job.spec.name();
            entry.knobs = nlohmann::json::parse(read_file(cached(job, ".json"))).get<std::map<std::string, int>>();
            entry.knobs.insert(job.vendor.begin(), job.vendor.end());
            manifest.kernels.push_back(std::move(entry));
        }
        manifest.inputs = content_hash(inputs);
        if (fs::exists(manifest_path) && fs::exists(stem() + ".so")) {
            try {
                const Manifest before = read_manifest(manifest_path);
                if (before.inputs == manifest.inputs && before.library_hash == file_hash(stem() + ".so")) return false;
            } catch (const Error &) {
                // An unreadable manifest is replaced.
            }
        }
        const ScratchFolder scratch(request_.output);
        const std::string library = scratch.path() + "/" + manifest.library;
        std::vector<std::string> arguments = {request_.target.linker, "-shared", "-o", library};
        for (const Job &job : jobs_)
            arguments.push_back(cached(job, ".o"));
        const ProcessResult result = run_process(arguments);
        if (result.status != 0) {
            throw Error("linking with " + request_.target.linker + " failed: " + result.output +
                        "; `afnet compile` needs a linker for " + request_.target.name);
        }
        manifest.library_hash = file_hash(library);
        move_into_place(library, stem() + ".so");
        write_file(manifest_path, manifest_text(manifest));
        return true;
    }

    const CompileRequest &request_;
    std::vector<Job> jobs_;
    CompileReport report_;
};

// Of all libraries in one queue, so that no processor waits at the end of each.
void generate_missing(std::vector<Compilation> &libraries, int jobs, bool quiet) {
    std::vector<std::pair<const Compilation *, const Job *>> missing;
    std::set<std::string> planned;
    for (Compilation &library : libraries) {
        for (const Job *job : library.missing(planned))
            missing.emplace_back(&library, job);
    }
    if (missing.empty()) return;
    Progress progress("compile", missing.size(), quiet);
    size_t done = 0;
    std::mutex mutex;
    run_jobs(missing.size(), jobs, [&](size_t i) {
        const auto &[library, job] = missing[i];
        library->generate(*job);
        const std::lock_guard<std::mutex> lock(mutex);
        progress.update(++done, job->spec.name() + " for " + library->target());
    });
}

} // namespace

GenerationError::GenerationError(const std::string &kernel, ProcessResult how)
    : Error("generator for " + kernel +
            (how.timed_out ? " took too long: " : " failed with status " + std::to_string(how.status) + ": ") +
            how.output),
      result(std::move(how)) {}

std::string generator_path(const std::string &generators, const KernelSpec &spec) {
    return generators + "/" + executable_of(spec.generator);
}

std::string kernel_target(const Target &target) {
    return target.halide + "-no_runtime-no_bounds_query";
}

std::vector<std::string> generator_command(const std::string &generators, const KernelSpec &spec,
                                           const std::map<std::string, int> &knobs, const std::string &halide_target,
                                           const std::string &folder, const std::string &emitted) {
    std::vector<std::string> arguments = {generator_path(generators, spec),
                                          "--resolved",
                                          folder + "/knobs.json",
                                          "-g",
                                          spec.generator,
                                          "-f",
                                          spec.name(),
                                          "-o",
                                          folder,
                                          "-e",
                                          emitted,
                                          "target=" + halide_target};
    for (const auto &[param, value] : spec.params)
        arguments.push_back(param + "=" + value);
    for (const auto &[knob, value] : knobs)
        arguments.push_back(knob + "=" + std::to_string(value));
    return arguments;
}

std::string generator_hash(const std::string &generators, const KernelSpec &spec) {
    const std::string path = generator_path(generators, spec);
    return content_hash(file_hash(path) + file_hash(halide_library(path)));
}

std::vector<CompileReport> compile_kernels(const std::vector<CompileRequest> &requests, int jobs, bool quiet) {
    GeneratorHashes hashes;
    std::vector<Compilation> libraries;
    libraries.reserve(requests.size());
    for (const CompileRequest &request : requests)
        libraries.emplace_back(request, hashes);
    generate_missing(libraries, jobs, quiet);
    run_jobs(libraries.size(), jobs, [&](size_t i) { libraries[i].link(); });
    std::vector<CompileReport> reports;
    for (const Compilation &library : libraries)
        reports.push_back(library.report());
    return reports;
}

CompileReport compile_kernels(const CompileRequest &request, int jobs, bool quiet) {
    return compile_kernels(std::vector<CompileRequest>{request}, jobs, quiet).front();
}

SpecList read_specs(const std::string &path) {
    SpecList result;
    std::map<std::string, KernelSpec> specs;
    try {
        for (const auto &row : nlohmann::json::parse(read_file(path, 1 << 24))) {
            KernelSpec spec(row.at("generator").get<std::string>());
            spec.params = row.at("params").get<std::map<std::string, std::string>>();
            specs[spec.name()] = spec;
            if (row.contains("knobs")) result.knobs[spec.name()] = row["knobs"].get<std::map<std::string, int>>();
        }
    } catch (const nlohmann::json::exception &error) {
        throw Error(path + ": not a list of kernel specs: " + error.what());
    }
    for (const auto &[name, spec] : specs)
        result.specs.push_back(spec);
    return result;
}

} // namespace afnet
