#include "tests/kernel_call.h"

#include "runtime/error.h"
#include "runtime/halide_host.h"

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

void KernelCall::run() {
    for (size_t i = 0; i < arguments_.size(); i++) {
        if (!arguments_[i]) {
            throw Error(kernel_.entry->symbol + ": argument " + kernel_.metadata->arguments[i].name + " is not bound");
        }
    }
    take_halide_errors();
    const int status = kernel_.run(arguments_.data());
    if (status == 0) return;
    throw Error(kernel_.entry->symbol + ": status " + std::to_string(status) + ": " + take_halide_errors());
}

}  // namespace afnet
