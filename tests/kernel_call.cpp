#include "tests/kernel_call.h"

#include <cstring>
#include <limits>

#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "tests/gpu/device_memory.h"

namespace afnet {

KernelCall::KernelCall(const Kernel &kernel)
    : kernel_(kernel), arguments_(size_t(kernel.metadata->num_arguments), nullptr) {}

KernelCall &KernelCall::set(const std::string &name, int value) {
    scalars_.push_back(value);
    return place(name, &scalars_.back());
}

KernelCall &KernelCall::set(const std::string &name, double value) {
    reals_.push_back(value);
    return place(name, &reals_.back());
}

KernelCall &KernelCall::place(const std::string &name, void *argument) {
    for (size_t i = 0; i < arguments_.size(); i++) {
        if (name != kernel_.metadata->arguments[i].name) continue;
        arguments_[i] = argument;
        return *this;
    }
    throw Error(kernel_.entry->symbol + " has no argument " + name);
}

void KernelCall::count_all_frames() {
    for (size_t i = 0; i < arguments_.size(); i++) {
        const halide_filter_argument_t &argument = kernel_.metadata->arguments[i];
        if (arguments_[i] || argument.kind != halide_argument_kind_input_buffer ||
            std::strcmp(argument.name, "count") != 0)
            continue;
        Halide::Runtime::Buffer<int> all(1);
        all(0) = std::numeric_limits<int>::max();
        bind("count", all);
    }
}

int KernelCall::call_on_device() {
    std::vector<halide_buffer_t *> buffers;
    for (size_t i = 0; i < arguments_.size(); i++) {
        if (kernel_.metadata->arguments[i].kind != halide_argument_kind_input_scalar)
            buffers.push_back(static_cast<halide_buffer_t *>(arguments_[i]));
    }
    DeviceMemory memory(buffers);
    const int status = kernel_.run(arguments_.data());
    if (status == 0) memory.copy_back();
    return status;
}

void KernelCall::run() {
    count_all_frames();
    for (size_t i = 0; i < arguments_.size(); i++) {
        if (!arguments_[i]) {
            throw Error(kernel_.entry->symbol + ": argument " + kernel_.metadata->arguments[i].name + " is not bound");
        }
    }
    take_halide_errors();
    const bool on_device = std::strstr(kernel_.metadata->target, "opencl") != nullptr;
    const int status = on_device ? call_on_device() : kernel_.run(arguments_.data());
    if (status == 0) return;
    throw Error(kernel_.entry->symbol + ": status " + std::to_string(status) + ": " + take_halide_errors());
}

} // namespace afnet
