#include "tests/normalization_cases.h"

#include <string>

namespace afnet {

namespace {

void add_batch_norm(std::vector<KernelSpec> &specs) {
    specs.push_back(KernelSpec("batch_norm_statistics"));
    specs.push_back(KernelSpec("batch_norm_running"));
    for (const char *activation : {"linear", "relu", "hswish"}) {
        for (const bool add_residual : {false, true}) {
            for (const char *generator : {"batch_norm_forward", "batch_norm_grad_sums"})
                specs.push_back(KernelSpec(generator).set("activation", activation).set("add_residual", add_residual));
        }
        for (const char *residual_grad : {"none", "store", "accumulate"}) {
            for (const bool frozen : {false, true})
                specs.push_back(batch_norm_grad_input_spec(activation, residual_grad, frozen));
        }
    }
}

void add_pools_and_shift(std::vector<KernelSpec> &specs) {
    specs.push_back(KernelSpec("max_pool_forward"));
    specs.push_back(KernelSpec("avg_pool"));
    for (const bool accumulate : {false, true}) {
        for (const char *generator : {"max_pool_grad", "avg_pool_grad"})
            specs.push_back(KernelSpec(generator).set("accumulate", accumulate));
    }
    for (const bool shift : {false, true}) {
        for (const bool masked : {false, true}) {
            specs.push_back(KernelSpec("temporal_shift").set("shift", shift).set("masked", masked));
            for (const bool accumulate : {false, true}) {
                specs.push_back(KernelSpec("temporal_shift_grad")
                                    .set("shift", shift)
                                    .set("masked", masked)
                                    .set("accumulate", accumulate));
            }
        }
    }
}

// Every gradient but those that accumulate.
bool has_adjoint(const KernelSpec &spec) {
    const auto is = [&](const char *param, const char *value) {
        const auto found = spec.params.find(param);
        return found != spec.params.end() && found->second == value;
    };
    return spec.generator.find("_grad") != std::string::npos && !is("accumulate", "true") &&
           !is("residual_grad", "accumulate");
}

} // namespace

KernelSpec batch_norm_grad_input_spec(const char *activation, const char *residual_grad, bool frozen) {
    return KernelSpec("batch_norm_grad_input")
        .set("activation", activation)
        .set("add_residual", std::string(residual_grad) != "none")
        .set("frozen", frozen)
        .set("residual_grad", residual_grad);
}

std::vector<KernelSpec> normalization_kernels() {
    std::vector<KernelSpec> specs;
    add_batch_norm(specs);
    add_pools_and_shift(specs);
    for (const char *generator : {"add_into", "squared_norm", "sgd_step", "adam_step", "average_step"})
        specs.push_back(KernelSpec(generator));
    for (size_t i = 0, count = specs.size(); i < count; i++) {
        KernelSpec doubles = specs[i];
        specs.push_back(doubles.set("dtype", "f64"));
        if (has_adjoint(doubles)) specs.push_back(doubles.set("derivation", "adjoint"));
    }
    return specs;
}

} // namespace afnet
