// ResNet stem: 7x7 convolution with stride 2 and folded BatchNorm, ReLU, 3x3 max-pooling with stride 2 and padding 1,
// in one kernel (AFNET_SPEC §2.1).
//
//   conv(c, x, y, f)   = relu(bias(c) + sum_{i,u,v} w(c, u, v, i) input(i, 2 x + u - 3, 2 y + v - 3, f))
//   output(c, x, y, f) = max_{u,v in 0..2} conv(c, 2 x + u - 1, 2 y + v - 1, f), over what lies inside
//
// With algorithm 4 in tiles of four columns by Winograd's minimal filtering (generators/winograd_columns.h): products q
// of the transformed weights and of the transformed rows of the clip replace those of the taps u.
//
// With dtype bf16 the clip is rounded to bf16, and an instruction multiplies two neighbours of a row: the 21 elements
// that a filter's row meets, channels innermost, make eleven pairs with a weight of zero behind them.
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/winograd_columns.h"
#include "schedules/stem_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;
using afnet::generators::widened;

class Stem : public Generator<Stem> {
public:
    GeneratorParam<int> channels{"channels", 64};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};
    afnet::schedules::StemKnobs knobs;

    Input<Buffer<float, 4>> input{"input"}; // [3, x, y, f] with a zero border of 3
    /// [co_block, 3, u, v, block, 1]; algorithm 4: [co_block, 3, v, q, block, 1]; bf16: [2 co_block, 11, 1, v, block,
    /// 1]
    Input<Buffer<void, 6>> weights{"weights"};
    Input<Buffer<float, 3>> bias{"bias"};     // [co_block, block, 1]
    Output<Buffer<void, 4>> output{"output"}; // [c, x / 4, y / 4, f]

    void configure() {
        paired = dtype == Dtype::BF16;
        weights.set_type(paired ? BFloat(16) : Float(32));
        output.set_type(element_type(dtype));
    }

    void generate() {
        const int co = channels;
        on_gpu = get_target().has_gpu_feature();
        in_tiles = knobs.algorithm.resolve(on_gpu || paired ? kDirect : kTiles) == kTiles;
        afnet::schedules::require(!in_tiles || !(on_gpu || paired), "stem: algorithm 4 is for floats on CPUs");
        co_block = on_gpu ? stem_gpu_co_block(knobs, co) : stem_co_block(knobs, co, in_tiles, target);
        if (in_tiles) {
            sum_tiles();
        } else {
            sum(c, x, y, f) = bias(c % co_block, c / co_block, 0);
            paired ? sum_pairs() : sum_floats();
            conv(c, x, y, f) = max(sum(c, x, y, f), 0.0f);
        }
        // Columns and rows of the convolution. Clamping repeats an element that the window holds anyway, so that the
        // maximum is over what lies inside.
        const Expr width = (input.dim(1).extent() - 2 * kPad + 1) / 2;
        const Expr height = (input.dim(2).extent() - 2 * kPad + 1) / 2;
        Expr largest;
        for (int v = 0; v < 3; v++) {
            for (int u = 0; u < 3; u++) {
                const Expr at = conv(c, clamp(2 * x + u - 1, 0, width - 1), clamp(2 * y + v - 1, 0, height - 1), f);
                largest = largest.defined() ? max(largest, at) : at;
            }
        }
        output(c, x, y, f) = rounded(dtype, largest);

        constrain();
    }

    void schedule() {
        if (in_tiles) {
            schedule_cpu(
                {points, sum, products, conv, output, c, x, y, f, q, t, r, kTiles, afnet::generators::kColumnProducts},
                knobs, co_block, target);
            return;
        }
        const afnet::schedules::StemStages stages{sum, conv, output, pixels, c, x, y, f, r, channels, paired};
        on_gpu ? schedule_gpu(stages, co_block) : schedule_cpu(stages, knobs, co_block, target);
    }

private:
    static constexpr int kDirect = 1, kTiles = afnet::generators::kColumnOutputs;
    static constexpr int kKernel = 7, kPad = 3, kRow = 3 * kKernel, kPairs = (kRow + 1) / 2;

    void sum_floats() {
        r = RDom(0, 3, 0, kKernel, 0, kKernel, "r");
        // A GPU's tiles are of one size, and may reach beyond the border: nobody reads what they make of that.
        const auto stored = [&](const Expr &i, int dimension) {
            return on_gpu ? clamp(i, input.dim(dimension).min(), input.dim(dimension).max()) : i;
        };
        sum(c, x, y, f) += weights(c % co_block, r.x, r.y, r.z, c / co_block, 0) *
                           input(r.x, stored(2 * x + r.y - kPad, 1), stored(2 * y + r.z - kPad, 2), f);
    }

    void sum_pairs() {
        // Element i of a row as it is stored, border included. What a weight of zero meets may lie behind the row.
        Var i("i");
        const Expr at = min(i, input.dim(1).extent() * 3 - 1);
        pixels(i, y, f) = cast<bfloat16_t>(input(at % 3, at / 3 - kPad, y, f));
        r = RDom(0, 2 * kPairs, 0, kKernel, "r");
        sum(c, x, y, f) += widened(weights(c % co_block * 2 + r.x % 2, r.x / 2, 0, r.y, c / co_block, 0)) *
                           widened(pixels(6 * x + r.x, 2 * y + r.y - kPad, f));
    }

    void sum_tiles() {
        using namespace afnet::generators;
        // What hangs over the border makes outputs that nobody reads.
        std::vector<Expr> d;
        Var i("i");
        for (int k = 0; k < kColumnInputs; k++)
            d.push_back(input(i, min(likely(2 * kTiles * t + k - kPad), input.dim(1).max()), y, f));
        points(i, t, q, y, f) = mux(q, column_input_rows(d));
        r = RDom(0, 3, 0, kKernel, "r");
        sum(c, t, q, y, f) = 0.0f;
        sum(c, t, q, y, f) +=
            weights(c % co_block, r.x, r.y, q, c / co_block, 0) * points(r.x, t, q, 2 * y + r.y - kPad, f);
        products(c, t, q, y, f) = sum(c, t, q, y, f);
        std::vector<Expr> all;
        for (int product = 0; product < kColumnProducts; product++)
            all.push_back(products(c, x / kTiles, product, y, f));
        conv(c, x, y, f) = max(mux(x % kTiles, column_output_rows(all)) + bias(c % co_block, c / co_block, 0), 0.0f);
    }

    void constrain() {
        using afnet::generators::kColumnProducts;
        const int co = channels, blocks = (co + co_block - 1) / co_block;
        const int inner = paired ? 2 * co_block : co_block, elements = paired ? kPairs : 3,
                  columns = paired ? 1 : kKernel, rows = in_tiles ? kColumnProducts : kKernel;
        input.dim(0).set_bounds(0, 3).dim(1).set_stride(3);
        input.dim(3).set_min(0);
        weights.dim(0).set_bounds(0, inner).dim(1).set_bounds(0, elements).set_stride(inner);
        weights.dim(2).set_bounds(0, columns).set_stride(inner * elements);
        weights.dim(3).set_bounds(0, rows).set_stride(inner * elements * columns);
        weights.dim(4).set_bounds(0, blocks).set_stride(inner * elements * columns * rows);
        weights.dim(5).set_bounds(0, 1);
        bias.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, blocks).set_stride(co_block);
        bias.dim(2).set_bounds(0, 1);
        output.dim(0).set_bounds(0, co).dim(1).set_min(0).set_stride(co);
        output.dim(2).set_min(0);
        output.dim(3).set_min(0);
    }

    Var c{"c"}, x{"x"}, y{"y"}, f{"f"}, q{"q"}, t{"t"};
    Func sum{"sum"}, conv{"conv"};
    Func points{"points"}, products{"products"}; // [i, t, q, y, f] and [c, t, q, y, f], of tiles t
    Func pixels{"pixels"};                       // [i, y, f], of pairs
    RDom r;
    int co_block = 0;
    bool paired = false, on_gpu = false, in_tiles = false;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Stem, stem)
