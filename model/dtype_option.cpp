#include "model/dtype_option.h"

#include <CLI/CLI.hpp>

namespace afnet {

CLI::Option *add_dtype_option(CLI::App &app, Dtype &dtype) {
    return app
        .add_option_function<std::string>(
            "--dtype", [&dtype](const std::string &name) { dtype = dtype_named(name); },
            "Element type of activations; bf16 needs a CPU with its instructions (docs/bf16.md)")
        ->check(CLI::IsMember(inference_dtype_names()))
        ->default_str(dtype_name(dtype));
}

} // namespace afnet
