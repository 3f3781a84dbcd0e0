// Navigation module: which frames deserve the focal branch (AFNet eqs. 3-6; AFNET_SPEC §2.5-2.6).
//
//   z(j, f)      = relu(pool_bias(j) + sum_c pool_weights(c, j) pooled(c, f))           BatchNorm folded
//   logits(k, f) = gate_bias(k, t) + sum_j gate_weights(j, k, t) z(j, f)                 t = f mod T
//   mask(f)      = [logits(1, f) + g(1, f) > logits(0, f) + g(0, f)]
//
// with Gumbel noise g = -ln(eps - ln(u + eps)), eps = 1e-10, where `stochastic` is set, else none. With `soft` (AFNET_SPEC
// §11) frames are weighed instead, without noise:
//
//   mask(f)      = sigmoid(logits(1, f) - logits(0, f))
#include "generators/activation.h"
#include "generators/layout.h"
#include "schedules/navigation_schedule.h"

namespace {

using namespace Halide;

class Navigation : public Generator<Navigation> {
public:
    GeneratorParam<bool> soft{"soft", false};

    Input<Buffer<float, 2>> pooled{"pooled"};              // [c, f]
    Input<Buffer<float, 2>> pool_weights{"pool_weights"};  // [c, 2]
    Input<Buffer<float, 1>> pool_bias{"pool_bias"};        // [2]
    Input<Buffer<float, 3>> gate_weights{"gate_weights"};  // [j, k, t]
    Input<Buffer<float, 2>> gate_bias{"gate_bias"};        // [k, t]
    Input<Buffer<float, 2>> uniform{"uniform"};            // [k, f]  u in [0, 1)
    Input<int32_t> stochastic{"stochastic"};               // 0: no noise
    Output<Buffer<float, 2>> logits{"logits"};             // [k, f]
    Output<Buffer<void, 1>> mask{"mask"};                  // [f]  int32, 1: compute the frame; with `soft` a float

    void configure() { mask.set_type(soft ? Float(32) : Int(32)); }

    void generate() {
        const Expr t = f % gate_weights.dim(2).extent();
        r = RDom(0, pooled.dim(0).extent(), "r");
        projection(j, f) = 0.0f;
        projection(j, f) += pool_weights(r, j) * pooled(r, f);
        z(j, f) = max(projection(j, f) + pool_bias(j), 0.0f);
        gate(k, f) = gate_bias(k, t) + gate_weights(0, k, t) * z(0, f) + gate_weights(1, k, t) * z(1, f);
        logits(k, f) = gate(k, f);
        // On a GPU a kernel writes the logits, and another one reads them.
        const Func decisive = get_target().has_gpu_feature() ? Func(logits) : gate;
        const float epsilon = 1e-10f;
        const auto perturbed = [&](int category) {
            const Expr noise = -log(epsilon - log(uniform(category, f) + epsilon));
            return decisive(category, f) + select(stochastic != 0, noise, 0.0f);
        };
        mask(f) = soft ? activate(afnet::generators::Activation::Sigmoid, decisive(1, f) - decisive(0, f))
                       : cast<int32_t>(perturbed(1) > perturbed(0));

        pool_weights.dim(1).set_bounds(0, 2);
        gate_weights.dim(0).set_bounds(0, 2).dim(1).set_bounds(0, 2).set_stride(2);
        gate_weights.dim(2).set_min(0).set_stride(4);
        gate_bias.dim(0).set_bounds(0, 2).dim(1).set_min(0);
        pool_bias.dim(0).set_bounds(0, 2);
        logits.dim(0).set_bounds(0, 2).dim(1).set_min(0);
        mask.dim(0).set_min(0);
        afnet::generators::frames_from_zero(pooled);
    }

    void schedule() {
        if (get_target().has_gpu_feature()) {
            afnet::schedules::schedule_gpu({projection, z, r.x, logits, mask});
            return;
        }
        schedule_cpu(afnet::schedules::NavigationStages{projection, z, gate, r.x, pooled.dim(0).extent()}, target);
    }

private:
    Var j{"j"}, k{"k"}, f{"f"};
    Func projection{"projection"}, z{"z"}, gate{"gate"};
    RDom r;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(Navigation, navigation)
