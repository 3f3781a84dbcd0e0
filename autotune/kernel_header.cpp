#include "autotune/kernel_header.h"

#include <cctype>

namespace afnet {

namespace {

constexpr int kScalar = 0, kOutput = 2; // of halide_argument_kind_t

std::string guard_of(const Manifest &manifest) {
    std::string guard = "AFNET_" + manifest.model + "_" + manifest.target + "_H";
    for (char &c : guard)
        c = std::isalnum(static_cast<unsigned char>(c)) ? char(std::toupper(static_cast<unsigned char>(c))) : '_';
    return guard;
}

std::string element_name(const halide_type_t &type) {
    const std::string bits = std::to_string(type.bits);
    if (type.code == halide_type_bfloat) return "bfloat" + bits;
    if (type.code == halide_type_float) return "float" + bits;
    return (type.code == halide_type_uint ? "uint" : "int") + bits;
}

std::string scalar_type(const halide_type_t &type) {
    if (type.code == halide_type_float) return type.bits == 64 ? "double" : "float";
    if (type.bits == 1) return "bool";
    return element_name(type) + "_t";
}

// What the spec says beside the generator's name, and each buffer's elements and dimensions.
std::string comment_of(const Kernel &kernel) {
    std::string text = "/* " + kernel.entry->spec.generator;
    for (const auto &[name, value] : kernel.entry->spec.params)
        text += ", " + name + " " + value;
    for (int i = 0; i < kernel.metadata->num_arguments; i++) {
        const halide_filter_argument_t &argument = kernel.metadata->arguments[i];
        if (argument.kind == kScalar) continue;
        text += std::string("\n   ") + (argument.kind == kOutput ? "out " : "in  ") + argument.name + ": " +
                element_name(argument.type) + ", " + std::to_string(argument.dimensions) +
                (argument.dimensions == 1 ? " dimension" : " dimensions");
    }
    return text + " */\n";
}

std::string declaration_of(const Kernel &kernel) {
    std::string text = "int " + kernel.entry->symbol + "(";
    for (int i = 0; i < kernel.metadata->num_arguments; i++) {
        const halide_filter_argument_t &argument = kernel.metadata->arguments[i];
        const bool scalar = argument.kind == kScalar;
        text += (i > 0 ? ", " : "") + (scalar ? scalar_type(argument.type) + " " : "struct halide_buffer_t *") +
                argument.name;
    }
    return text + ");\n";
}

} // namespace

std::string kernel_header(const KernelLibrary &library) {
    const Manifest &manifest = library.manifest();
    const std::string guard = guard_of(manifest);
    std::string text = "/* Kernels of " + manifest.library +
                       ". Buffers are described innermost dimension first; a kernel returns 0, or an error code\n"
                       "   after it has told halide_error's handler. */\n"
                       "#ifndef " +
                       guard + "\n#define " + guard +
                       "\n\n#include <stdbool.h>\n#include <stdint.h>\n\n#include \"HalideRuntime.h\"\n\n"
                       "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    for (const KernelEntry &entry : manifest.kernels) {
        const Kernel &kernel = *library.find(entry.symbol);
        text += comment_of(kernel) + declaration_of(kernel) + "\n";
    }
    return text + "#ifdef __cplusplus\n}\n#endif\n#endif\n";
}

} // namespace afnet
