#include "runtime/dtype.h"

#include <algorithm>

#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

const std::vector<std::string> &dtype_names() {
    static const std::vector<std::string> names = {"f32", "bf16", "f64"};
    return names;
}

const std::vector<std::string> &inference_dtype_names() {
    static const std::vector<std::string> names = {"f32", "bf16"};
    return names;
}

std::string dtype_name(Dtype dtype) {
    return dtype_names()[size_t(dtype)];
}

Dtype dtype_named(const std::string &name) {
    const auto &names = dtype_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw UsageError("unknown dtype '" + name + "'; known are " + join(names));
    return Dtype(found - names.begin());
}

Dtype dtype_of(const KernelSpec &spec) {
    const auto found = spec.params.find("dtype");
    return found == spec.params.end() ? Dtype::F32 : dtype_named(found->second);
}

} // namespace afnet
