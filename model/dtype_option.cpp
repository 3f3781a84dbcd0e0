#include "model/dtype_option.h"

namespace afnet {

CommandOption add_dtype_option(CommandLine &app, Dtype &dtype) {
    return app
        .add_option_function<std::string>(
            "--dtype", [&dtype](const std::string &name) { dtype = dtype_named(name); },
            "Element type of activations; bf16 needs a CPU with its instructions (docs/bf16.md)")
        .one_of(inference_dtype_names())
        .default_str(dtype_name(dtype));
}

} // namespace afnet
