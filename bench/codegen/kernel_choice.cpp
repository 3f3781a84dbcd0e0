#include "bench/codegen/kernel_choice.h"

#include <algorithm>
#include <fnmatch.h>
#include <map>
#include <sstream>

#include "model/lowering.h"
#include "model/machine.h"
#include "model/preprocess.h"
#include "model/training_network.h"
#include "runtime/error.h"
#include "runtime/nearest_word.h"
#include "runtime/text.h"

namespace afnet {

namespace {

std::vector<KernelSpec> each_once(std::vector<KernelSpec> specs) {
    std::map<std::string, KernelSpec> by_name;
    for (KernelSpec &spec : specs) {
        const std::string name = spec.name();
        by_name.emplace(name, std::move(spec));
    }
    std::vector<KernelSpec> result;
    for (auto &[name, spec] : by_name)
        result.push_back(std::move(spec));
    return result;
}

void append(std::vector<KernelSpec> &specs, const std::vector<KernelSpec> &more) {
    specs.insert(specs.end(), more.begin(), more.end());
}

bool is_target(const std::string &word) {
    return std::any_of(targets().begin(), targets().end(), [&](const Target &t) { return t.name == word; });
}

Knobs parsed_knobs(const std::string &text) {
    Knobs knobs;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
        const size_t equals = part.find('=');
        const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
        const bool number =
            !value.empty() && value.size() <= 9 && value.find_first_not_of("0123456789") == std::string::npos;
        if (equals == 0 || !number) {
            throw UsageError("knobs " + printable(text) +
                             ": knob=value,knob=value, `automatic`, `record` or a record's file expected");
        }
        knobs[part.substr(0, equals)] = std::stoi(value);
    }
    return knobs;
}

std::string file_part_of(const std::optional<Knobs> &knobs) {
    if (!knobs) return "record";
    std::string text;
    for (const auto &[name, value] : *knobs)
        text += (text.empty() ? "" : "-") + name + std::to_string(value);
    return text.empty() ? "automatic" : text;
}

Variant variant_of(const std::string &target, const std::string &knobs, bool named_by_knobs) {
    Variant variant;
    variant.target = target_named(target);
    variant.knobs = knobs_named(knobs);
    variant.name = variant.file_part = target;
    if (named_by_knobs) {
        variant.name += ", " + (variant.knobs ? knob_text(*variant.knobs) : std::string("record"));
        variant.file_part += "." + file_part_of(variant.knobs);
    }
    return variant;
}

} // namespace

std::vector<KernelSpec> kernels_of(const std::vector<ModelDescription> &models, bool training) {
    std::vector<KernelSpec> specs;
    for (const ModelDescription &model : models) {
        for (const std::string &dtype : inference_dtype_names())
            append(specs, kernel_specs(model, dtype_named(dtype)));
        if (training) append(specs, training_kernel_specs(model, Dtype::F32));
    }
    return each_once(std::move(specs));
}

std::vector<KernelSpec> shipped_kernels() {
    std::vector<KernelSpec> specs = kernels_of(shipped_models(), true);
    append(specs, preprocess_specs());
    append(specs, machine_specs());
    return each_once(std::move(specs));
}

std::vector<KernelSpec> matching_kernels(const std::vector<KernelSpec> &known, const std::vector<std::string> &globs) {
    std::vector<std::string> names;
    for (const KernelSpec &spec : known)
        names.push_back(spec.name());
    std::vector<char> wanted(known.size(), 0);
    for (const std::string &glob : globs) {
        bool found = false;
        for (size_t i = 0; i < names.size(); i++) {
            if (::fnmatch(glob.c_str(), names[i].c_str(), 0) != 0) continue;
            wanted[i] = 1;
            found = true;
        }
        if (found) continue;
        throw UsageError("no kernel's name matches " + printable(glob) +
                         (names.empty() ? "" : "; did you mean " + nearest_word(glob, names) + "?"));
    }
    std::vector<KernelSpec> result;
    for (size_t i = 0; i < known.size(); i++) {
        if (wanted[i]) result.push_back(known[i]);
    }
    return result;
}

std::optional<Knobs> knobs_named(const std::string &text) {
    if (text == "record") return std::nullopt;
    if (text == "automatic") return Knobs{};
    if (ends_with(text, ".json")) return read_record(text);
    return parsed_knobs(text);
}

std::vector<Variant> variants_of(const std::vector<std::string> &targets, const std::vector<std::string> &knobs) {
    std::vector<Variant> variants;
    for (const std::string &target : targets) {
        for (const std::string &set : knobs.empty() ? std::vector<std::string>{"record"} : knobs)
            variants.push_back(variant_of(target, set, knobs.size() > 1));
    }
    for (size_t i = 0; i < variants.size(); i++) {
        for (size_t k = 0; k < i; k++) {
            if (variants[i].name == variants[k].name) throw UsageError(variants[i].name + " is there twice");
        }
    }
    return variants;
}

std::vector<Variant> compared_variants(const std::vector<std::string> &words, const std::vector<std::string> &targets,
                                       const std::vector<std::string> &knobs) {
    if (words.empty()) {
        std::vector<Variant> variants = variants_of(targets, knobs);
        if (variants.size() == 2) return variants;
        throw UsageError("--diff compares two targets or two sets of knobs, not " + std::to_string(variants.size()) +
                         ": name both behind it, or by --target or --knobs");
    }
    if (words.size() != 2) throw UsageError("--diff takes two targets or sets of knobs, or none");
    const bool by_target = is_target(words[0]) && is_target(words[1]);
    if (by_target ? knobs.size() > 1 : targets.size() > 1) {
        throw UsageError("--diff compares two variants: of " + std::string(by_target ? "--knobs" : "--target") +
                         ", one is enough");
    }
    if (by_target) return variants_of(words, knobs);
    for (const std::string &word : words) {
        // A name that is nearly a target's is better told as such than as bad knobs.
        if (is_target(word) || (word.find('=') == std::string::npos && word != "record" && word != "automatic" &&
                                !ends_with(word, ".json"))) {
            throw UsageError("--diff " + printable(words[0]) + " " + printable(words[1]) +
                             ": two targets or two sets of knobs expected; " +
                             (is_target(word) ? word + " is a target" : printable(word) + " is neither"));
        }
    }
    return variants_of(targets, words);
}

} // namespace afnet
