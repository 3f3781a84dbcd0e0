// Spatial navigation: which patches deserve the focal branch (AFNet eq. 15; AFNET_SPEC §11), BatchNorm folded.
//
//   hidden(k, x, y, f) = relu(conv_bias(k) + sum_{c,u,v} weights(k, u, v, c) input(c, x + u - 1, y + v - 1, f))
//   logits(q, i, j, f) = gate_bias(q) + sum_k gate_weights(k, q) mean of hidden(k, ., ., f) over window (i, j)
//   mask(i, j, f)      = [logits(1, i, j, f) + g(1, i, j, f) > logits(0, i, j, f) + g(0, i, j, f)]
//
// with zeroes around the frame, the windows of adaptive average pooling (patch_grid.h), and Gumbel noise
// g = -ln(eps - ln(u + eps)), eps = 1e-10, where `stochastic` is set, else none, as for frames (navigation). A 3x3
// convolution to so few channels would leave most of a vector empty: here all nine taps of a pixel, nine times `hidden`
// numbers, are one 1x1 convolution, and are added up afterwards where they belong.
//
// On GPUs threads share a pixel's channels instead, and the kernel has one more output, which its own threads read:
//
//   features(k, x, y, f) = hidden(k, x, y, f)
#include "generators/layout.h"
#include "generators/patch_grid.h"
#include "schedules/gpu.h"
#include "schedules/knob.h"
#include "schedules/spatial_navigation_schedule.h"

namespace {

using namespace Halide;
using namespace afnet::generators;

class SpatialNavigation : public Generator<SpatialNavigation> {
public:
    GeneratorParam<int> hidden{"hidden", 4};

    Input<Buffer<float, 4>> input{"input"};               // [c, x, y, f]
    Input<Buffer<float, 2>> conv_weights{"conv_weights"}; // [o, c], o = k + hidden (u + 3 v)
    Input<Buffer<float, 1>> conv_bias{"conv_bias"};       // [k]
    Input<Buffer<float, 2>> gate_weights{"gate_weights"}; // [k, q]
    Input<Buffer<float, 1>> gate_bias{"gate_bias"};       // [q]
    Input<Buffer<float, 4>> uniform{"uniform"};           // [q, i, j, f]  u in [0, 1)
    Input<int32_t> stochastic{"stochastic"};              // 0: no noise
    Output<Buffer<float, 4>> logits{"logits"};            // [q, i, j, f]
    Output<Buffer<int32_t, 3>> mask{"mask"};              // [i, j, f]  1: compute the patch

    void configure() {
        if (afnet::schedules::for_gpu(get_target()))
            features = add_output<Buffer<float, 4>>("features"); // [k, x, y, f]
    }

    void generate() {
        afnet::schedules::require(hidden >= 1 && hidden <= 64, "spatial_navigation: hidden must be 1 to 64");
        const Expr width = input.dim(1).extent(), height = input.dim(2).extent();
        const int outputs = 9 * hidden;
        features ? convolve(width, height) : convolve_by_taps(width, height);
        pool(width, height);
        Expr value = gate_bias(q);
        for (int h = 0; h < hidden; h++)
            value += gate_weights(h, q) * pooled(h, i, j, f);
        gate(q, i, j, f) = value;
        logits(q, i, j, f) = gate(q, i, j, f);
        // On a GPU a kernel writes the logits, and another one reads them.
        const Func decisive = features ? Func(logits) : gate;
        const float epsilon = 1e-10f;
        const auto perturbed = [&](int category) {
            const Expr noise = -log(epsilon - log(uniform(category, i, j, f) + epsilon));
            return decisive(category, i, j, f) + select(stochastic != 0, noise, 0.0f);
        };
        mask(i, j, f) = cast<int32_t>(perturbed(1) > perturbed(0));

        frames_from_zero(input);
        conv_weights.dim(0).set_bounds(0, outputs).dim(1).set_min(0).set_stride(outputs);
        conv_bias.dim(0).set_bounds(0, hidden);
        gate_weights.dim(0).set_bounds(0, hidden).dim(1).set_bounds(0, 2);
        gate_bias.dim(0).set_bounds(0, 2);
        frames_from_zero(uniform);
        uniform.dim(0).set_bounds(0, 2);
        frames_from_zero(logits);
        logits.dim(0).set_bounds(0, 2);
        frames_from_zero(mask);
        if (!features) return;
        frames_from_zero(*features);
        features->dim(0).set_bounds(0, hidden);
    }

    void schedule() {
        if (features) {
            schedule_gpu(afnet::schedules::SpatialNavigationGpuStages{
                sum, {r.x, r.y, r.z}, *features, hidden, pooled, window.x, window.y, logits, mask});
            return;
        }
        schedule_cpu(afnet::schedules::SpatialNavigationStages{weights, sum, r.x, taps, 9 * hidden, map, pooled,
                                                               window.x, window.y, gate, mask, stochastic == 0},
                     target);
    }

private:
    void convolve_by_taps(const Expr &width, const Expr &height) {
        const int outputs = 9 * hidden;
        weights(o, c) = select(o < outputs, conv_weights(min(o, outputs - 1), c), 0.0f);
        r = RDom(0, input.dim(0).extent(), "r");
        sum(o, x, y, f) = 0.0f;
        sum(o, x, y, f) += weights(o, r.x) * input(r.x, clamp(x, 0, width - 1), clamp(y, 0, height - 1), f);
        taps(o, x, y, f) = sum(o, x, y, f);
        map(k, x, y, f) = max(conv_bias(k) + sum_of_taps(width, height), 0.0f);
    }

    void convolve(const Expr &width, const Expr &height) {
        r = RDom(0, input.dim(0).extent(), 0, 3, 0, 3, "r");
        const Expr column = x + r.y - 1, row = y + r.z - 1;
        const Expr inside = column >= 0 && column < width && row >= 0 && row < height;
        const Expr pixel = input(r.x, clamp(column, 0, width - 1), clamp(row, 0, height - 1), f);
        sum(k, x, y, f) = conv_bias(k);
        sum(k, x, y, f) += conv_weights(k + hidden * (r.y + 3 * r.z), r.x) * select(inside, pixel, 0.0f);
        (*features)(k, x, y, f) = max(sum(k, x, y, f), 0.0f);
        map = *features;
    }

    Expr sum_of_taps(const Expr &width, const Expr &height) {
        Expr total = 0.0f;
        for (int v = 0; v < 3; v++) {
            for (int u = 0; u < 3; u++) {
                const Expr column = x + u - 1, row = y + v - 1;
                const Expr inside = column >= 0 && column < width && row >= 0 && row < height;
                const Expr tap =
                    taps(k + hidden * (u + 3 * v), clamp(column, 0, width - 1), clamp(row, 0, height - 1), f);
                total += select(inside, tap, 0.0f);
            }
        }
        return total;
    }

    void pool(const Expr &width, const Expr &height) {
        const Expr columns = mask.dim(0).extent(), rows = mask.dim(1).extent();
        const Run across = window_of(i, width, columns), down = window_of(j, height, rows);
        window = RDom(0, most_of_window(width, columns), 0, most_of_window(height, rows), "window");
        window.where(window.x < across.length() && window.y < down.length());
        pooled(k, i, j, f) = 0.0f;
        pooled(k, i, j, f) +=
            map(k, clamp(across.begin + window.x, 0, width - 1), clamp(down.begin + window.y, 0, height - 1), f) /
            cast<float>(across.length() * down.length());
    }

    Var c{"c"}, o{"o"}, k{"k"}, q{"q"}, x{"x"}, y{"y"}, i{"i"}, j{"j"}, f{"f"};
    Func weights{"weights"}, sum{"sum"}, taps{"taps"}, map{"map"}, pooled{"pooled"}, gate{"gate"};
    RDom r, window;
    GeneratorOutput<Buffer<float, 4>> *features = nullptr; // on GPUs
};

} // namespace

HALIDE_REGISTER_GENERATOR(SpatialNavigation, spatial_navigation)
