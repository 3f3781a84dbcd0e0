#include "bench/codegen/kernel_code.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "autotune/instruction_check.h"
#include "autotune/kernel_compiler.h"
#include "autotune/scratch_folder.h"
#include "autotune/search_space.h"
#include "bench/codegen/object_file.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "runtime/nearest_word.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// A generator would refuse them as well, in Halide's words.
void check_knobs(const std::string &generators, const KernelSpec &spec, const Knobs &knobs) {
    if (knobs.empty()) return;
    const SearchSpace space = search_space_of(generators, spec);
    std::vector<std::string> names;
    for (const auto &[name, values] : space.candidates)
        names.push_back(name);
    for (const auto &[name, value] : knobs) {
        const auto found = space.candidates.find(name);
        if (found == space.candidates.end()) {
            throw UsageError(spec.name() + " has no knob " + printable(name) +
                             (names.empty() ? ", nor any other" : "; did you mean " + nearest_word(name, names) + "?"));
        }
        const auto &values = found->second;
        if (value == 0 || std::count(values.begin(), values.end(), value) > 0) continue;
        std::vector<std::string> candidates;
        for (int candidate : values)
            candidates.push_back(std::to_string(candidate));
        throw UsageError(spec.name() + ": knob " + name + " may be " + join(candidates) + ", or 0 for automatic, not " +
                         std::to_string(value));
    }
}

void emit(const KernelSpec &spec, const Variant &variant, const Knobs &knobs, const CodeRequest &request,
          const std::string &folder, const std::string &emitted, double *cpu_seconds = nullptr) {
    ProcessResult result =
        run_process(generator_command(request.generators, spec, knobs, kernel_target(variant.target), folder, emitted));
    if (result.status != 0) throw GenerationError(spec.name(), std::move(result));
    if (cpu_seconds) *cpu_seconds = result.cpu_seconds;
}

void require_generator(const std::string &generators, const KernelSpec &spec) {
    const std::string path = generator_path(generators, spec);
    if (std::filesystem::exists(path)) return;
    throw Error(path + ": no such generator; `afnet codegen` needs the project's generators and libHalide: build the "
                       "project, or name them with --generators");
}

void read_object(const std::string &path, KernelCode &code) {
    const std::string contents = read_file(path);
    code.object_bytes = contents.size();
    code.code_bytes = code_bytes(contents, path);
    try {
        require_allowed_instructions(path, code.target);
    } catch (const Error &error) {
        code.remarks.push_back(std::string("afnet compile refuses it: ") + error.what());
    }
}

void predict_main_loop(const CodeRequest &request, const std::string &folder, KernelCode &code) {
    const LoopFigures *loop = code.figures.main_loop();
    if (!request.model || request.model->program().empty() || !loop) return;
    try {
        code.prediction = request.model->predict(*loop, code.target, folder);
    } catch (const Error &error) {
        code.remarks.push_back(error.what());
    }
}

void keep_files(const Variant &variant, const CodeRequest &request, const std::string &stem, KernelCode &code) {
    if (request.output.empty()) return;
    for (const EmittedKind &kind : request.kept) {
        const std::string name = code.kernel + "." + variant.file_part + kind.extension;
        move_into_place(stem + kind.extension, request.output + "/" + name);
        code.files[kind.name] = name;
    }
}

} // namespace

const std::vector<EmittedKind> &emitted_kinds() {
    static const std::vector<EmittedKind> kinds = {{"stmt", "stmt", ".stmt", "statement"},
                                                   {"html", "stmt_html", ".stmt.html", "statement, HTML"},
                                                   {"llvm", "llvm_assembly", ".ll", "LLVM IR"},
                                                   {"asm", "assembly", ".s", "assembly"},
                                                   {"object", "object", ".o", "object"}};
    return kinds;
}

std::vector<EmittedKind> emitted_kinds_named(const std::string &list) {
    std::vector<std::string> names, wanted;
    for (const EmittedKind &kind : emitted_kinds())
        names.push_back(kind.name);
    std::istringstream words(list);
    for (std::string word; std::getline(words, word, ',');) {
        if (std::count(names.begin(), names.end(), word) == 0) {
            throw UsageError("--emit " + printable(list) + ": " + printable(word) + " is none of " + join(names));
        }
        wanted.push_back(word);
    }
    if (wanted.empty()) throw UsageError("--emit: some of " + join(names) + " expected");
    std::vector<EmittedKind> kinds;
    for (const EmittedKind &kind : emitted_kinds()) {
        if (std::count(wanted.begin(), wanted.end(), kind.name) > 0) kinds.push_back(kind);
    }
    return kinds;
}

KernelCode kernel_code(const KernelSpec &spec, const Variant &variant, const CodeRequest &request) {
    KernelCode code;
    code.kernel = spec.name();
    code.spec = spec;
    code.variant = variant.name;
    code.target = variant.target;
    require_generator(request.generators, spec);
    code.knobs = variant.knobs ? *variant.knobs : record_knobs(request.records, variant.target.name, code.kernel);
    check_knobs(request.generators, spec, code.knobs);

    const ScratchFolder scratch(request.scratch);
    const std::string stem = scratch.path() + "/" + code.kernel;
    emit(spec, variant, code.knobs, request, scratch.path(), "object", &code.compile_seconds);
    std::string others = "assembly"; // which the figures are of
    for (const EmittedKind &kind : request.kept) {
        if (std::string(kind.halide) != "object" && others != kind.halide) others += std::string(",") + kind.halide;
    }
    emit(spec, variant, code.knobs, request, scratch.path(), others);
    code.resolved = nlohmann::json::parse(read_file(scratch.path() + "/knobs.json")).get<Knobs>();
    read_object(stem + ".o", code);
    code.figures = figures_of_assembly(read_file(stem + ".s"), isa_of(code.target));
    predict_main_loop(request, scratch.path(), code);
    keep_files(variant, request, stem, code);
    return code;
}

} // namespace afnet
