// The first half of an inverted residual: a 1x1 convolution that expands the channels, and the depthwise convolution
// that follows, each with folded BatchNorm. The expanded tensor is never stored as a whole.
//
//   e(c, g, x, y, s) = expanded(bias(c, g) + sum_i w(c, g, i) in(i, g, x, y, f_i))   inside the map, 0 outside
//   out(c, g, x, y, s) = act(depthwise_bias(c, g) + sum_{u,v} d(c, g, u, v) e(c, g, S x + u - P, S y + v - P, s))
//
// Padding is that of the depthwise convolution, so it is zero rather than what the expansion makes of a zero input.
// Frames f_i are as in conv2d_generator.cpp: s, or with `gather` sources(0, s), or with `shift` besides a neighbour's.
// `expanded` is the activation between the two. With dtype bf16 e stays a float.
//
// On GPUs the kernel has one more input, `count`: only the first so many frames s are computed.
#include "generators/activation.h"
#include "generators/counted_frames.h"
#include "generators/dtype.h"
#include "schedules/conv2d_schedule.h"
#include "schedules/expand_depthwise_schedule.h"
#include "schedules/gpu.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Dtype;
using afnet::generators::rounded;
using afnet::generators::widened;
using afnet::schedules::ExpansionTiles;

class ExpandDepthwise : public Generator<ExpandDepthwise> {
public:
    GeneratorParam<int> ci{"ci", 16};
    GeneratorParam<int> co{"co", 64};
    GeneratorParam<int> kernel{"kernel", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<int> groups{"groups", 1}; // of the expansion
    GeneratorParam<Activation> expanded_by{"expanded", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<bool> gather{"gather", false};
    GeneratorParam<bool> shift{"shift", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};
    afnet::schedules::ExpandDepthwiseKnobs knobs;

    Input<Buffer<void, 5>> input{"input"};                          // [ci/g, g, x, y, f]
    Input<Buffer<void, 6>> weights{"weights"};                      // as conv2d's: [co_block, ci/g, 1, 1, block, g]
    Input<Buffer<float, 3>> bias{"bias"};                           // [co_block, block, g]
    Input<Buffer<float, 5>> depthwise_weights{"depthwise_weights"}; // [co_block, u, v, block, g]
    Input<Buffer<float, 3>> depthwise_bias{"depthwise_bias"};       // [co_block, block, g]
    Input<Buffer<int32_t, 2>> sources{"sources"};                   // [self next previous, s]
    Output<Buffer<void, 5>> output{"output"};                       // [co/g, g, x, y, s]

    void configure() {
        on_gpu = afnet::schedules::for_gpu(get_target());
        if (on_gpu) count = add_input<Buffer<int32_t, 1>>("count"); // [1]
        pair = paired() ? 2 : 1;
        input.set_type(element_type(dtype));
        weights.set_type(pair == 2 ? BFloat(16) : Float(32));
        output.set_type(element_type(dtype));
    }

    void generate() {
        using afnet::schedules::require;
        const int g_count = groups, pad = (kernel - 1) / 2;
        require(ci % g_count == 0 && co % g_count == 0, "expand_depthwise: ci and co must be multiples of groups");
        require(2 * fold() <= ci / g_count, "expand_depthwise: the shifted channels must lie in the first group");
        require(!shift || gather, "expand_depthwise: shift needs gather");
        channels = co / g_count;
        co_block = on_gpu ? expand_depthwise_gpu_co_block(knobs, channels)
                          : expand_depthwise_co_block(knobs, channels, target);
        on_gpu ? generate_whole_expansion() : generate_expansion(pad);
        r = RDom(0, kernel, 0, kernel, "r");
        sum(c, g, x, y, f) = depthwise_bias(c % co_block, c / co_block, g);
        sum(c, g, x, y, f) += depthwise_weights(c % co_block, r.x, r.y, c / co_block, g) *
                              expanded(c, g, x * stride + r.x - pad, y * stride + r.y - pad, f);
        const Expr value = rounded(dtype, activate(activation, sum(c, g, x, y, f)));
        output(c, g, x, y, f) = on_gpu ? afnet::generators::where_listed(f, *count, value) : value;
        constrain();
    }

    void schedule() {
        if (on_gpu) {
            schedule_gpu(
                {expansion, channels_read, expanded, sum, output, c, g, x, y, f, r, channels, int(kernel), int(stride)},
                knobs, co_block);
            return;
        }
        schedule_cpu({expanded, sum, output, c, g, x, y, f, r, zeroes, widths, int(groups), channels}, knobs, co_block,
                     target);
    }

private:
    // Channels that TSM takes from either neighbour.
    int fold() const { return shift ? ci / 8 : 0; }

    // As conv2d's direct algorithm.
    bool paired() const { return dtype == Dtype::BF16 && ci / int(groups) % 2 == 0 && (!shift || ci % 16 == 0); }

    Expr weight(const Expr &i) {
        if (pair == 1) return weights(c % co_block, i, 0, 0, c / co_block, g);
        return widened(weights(c % co_block * pair + i % pair, i / pair, 0, 0, c / co_block, g));
    }

    // Every column of every row that the depthwise convolution reads is set once, by one of these updates: the columns
    // to the left and to the right, rows above and below, and tiles of columns. The last tile is moved inwards.
    void generate_expansion(int pad) {
        const Expr width = input.dim(2).extent(), height = input.dim(3).extent();
        const Expr zero = 0.0f, inside = y >= 0 && y < height;
        expanded(c, g, x, y, f) = undef<float>();
        for (const Expr &first : {Expr(-pad), width}) {
            if (pad == 0) break;
            const RDom column(0, pad, "border");
            expanded(c, g, first + column, y, f) = zero;
            zeroes.push_back(column);
        }
        RDom row(0, width, "outside");
        row.where(!inside);
        expanded(c, g, row, y, f) = zero;
        zeroes.push_back(row);
        Expr narrower = Internal::const_true(); // than all tiles so far
        for (const int columns : expand_depthwise_tiles(knobs, co_block, target)) {
            const Expr serves = narrower && width >= columns;
            const Expr count = select(serves, (width + columns - 1) / columns, 0);
            RDom tiles(0, columns, 0, count, "tiles");
            tiles.where(inside);
            const Expr at = max(min(tiles.y * columns, width - columns), 0) + tiles.x;
            ExpansionTiles tile = expansion_sum();
            tile.tiles = tiles;
            tile.stage = int(zeroes.size() + widths.size());
            expanded(c, g, at, y, f) = activate(expanded_by, tile.sum(c, g, at, y, f));
            widths.push_back(tile);
            narrower = narrower && width < columns;
        }
    }

    // A block of threads computes all that its depthwise convolution reads, zeroes outside the map included.
    void generate_whole_expansion() {
        const Expr width = input.dim(2).extent(), height = input.dim(3).extent();
        expansion = Func("expansion");
        expansion(c, g, x, y, f) = bias(c % co_block, c / co_block, g);
        for (const SourceChannels &of : source_channels()) {
            const RDom channel(of.first, of.count, "channel");
            expansion(c, g, x, y, f) +=
                weight(channel) * input(channel, g, clamp(x, 0, width - 1), clamp(y, 0, height - 1), of.frame);
            channels_read.push_back(channel);
        }
        // By bits: where a select is, Halide has threads outside the map skip the sum, and PoCL 3.1 gets that wrong.
        const Expr inside = x >= 0 && x < width && y >= 0 && y < height;
        const Expr bits = reinterpret<int32_t>(activate(expanded_by, expansion(c, g, x, y, f)));
        expanded(c, g, x, y, f) = reinterpret<float>(bits & -cast<int32_t>(inside));
    }

    // The expansion before its activation.
    ExpansionTiles expansion_sum() {
        ExpansionTiles tile;
        tile.pair = pair;
        tile.sum = Func("expansion");
        tile.sum(c, g, x, y, f) = bias(c % co_block, c / co_block, g);
        // Only what lies inside the map is computed: the promise spares bounds that cover tiles wider than the map.
        const Expr column = promise_clamped(x, 0, input.dim(2).extent() - 1);
        const Expr line = promise_clamped(y, 0, input.dim(3).extent() - 1);
        for (const SourceChannels &of : source_channels()) {
            const RDom channel(of.first, of.count, "channel");
            tile.sum(c, g, x, y, f) += weight(channel) * widened(input(channel, g, column, line, of.frame));
            tile.reductions.push_back(channel);
        }
        return tile;
    }

    // Input channels of a group that come from one frame. They are one update of a sum, so that no choice of frames is
    // left in its innermost loop.
    struct SourceChannels {
        int first, count;
        Expr frame;
    };
    std::vector<SourceChannels> source_channels() {
        const auto listed_frame = [&](const Expr &kind) {
            return clamp(sources(kind, f), 0, input.dim(4).extent() - 1);
        };
        const auto shifted_frame = [&](int kind) {
            return listed_frame(groups == 1 ? Expr(kind) : select(g == 0, kind, 0));
        };
        std::vector<SourceChannels> all;
        if (fold() > 0) {
            all.push_back({0, fold(), shifted_frame(1)});
            all.push_back({fold(), fold(), shifted_frame(2)});
        }
        const int rest = ci / int(groups) - 2 * fold();
        if (rest > 0) all.push_back({2 * fold(), rest, gather ? listed_frame(0) : Expr(f)});
        return all;
    }

    void constrain() {
        const int g_count = groups, in_channels = ci / g_count, blocks = (channels + co_block - 1) / co_block,
                  k = kernel;
        input.dim(0).set_bounds(0, in_channels).dim(1).set_bounds(0, g_count).set_stride(in_channels);
        input.dim(2).set_min(0).set_stride(ci);
        input.dim(3).set_min(0);
        input.dim(4).set_min(0);
        weights.dim(0).set_bounds(0, co_block * pair).dim(1).set_bounds(0, in_channels / pair);
        weights.dim(1).set_stride(co_block * pair);
        weights.dim(2).set_bounds(0, 1).dim(3).set_bounds(0, 1);
        weights.dim(4).set_bounds(0, blocks).set_stride(co_block * in_channels);
        weights.dim(5).set_bounds(0, g_count).set_stride(co_block * in_channels * blocks);
        depthwise_weights.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, k).set_stride(co_block);
        depthwise_weights.dim(2).set_bounds(0, k).set_stride(co_block * k);
        depthwise_weights.dim(3).set_bounds(0, blocks).set_stride(co_block * k * k);
        depthwise_weights.dim(4).set_bounds(0, g_count).set_stride(co_block * k * k * blocks);
        const auto per_channel = [&](auto &buffer) {
            buffer.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, blocks).set_stride(co_block);
            buffer.dim(2).set_bounds(0, g_count).set_stride(co_block * blocks);
        };
        per_channel(bias);
        per_channel(depthwise_bias);
        sources.dim(0).set_bounds(0, 3).dim(1).set_min(0).set_stride(3);
        output.dim(0).set_bounds(0, channels).dim(1).set_bounds(0, g_count).set_stride(channels);
        output.dim(2).set_min(0).set_stride(co);
        output.dim(3).set_min(0);
        output.dim(4).set_min(0);
        if (on_gpu) {
            afnet::schedules::align_rows(input, ci);
            afnet::schedules::align_rows(output, co);
        }
    }

    Var c{"c"}, g{"g"}, x{"x"}, y{"y"}, f{"f"};
    Func expanded{"expanded"}, sum{"sum"};
    RDom r;
    std::vector<RDom> zeroes;
    std::vector<ExpansionTiles> widths;
    Func expansion;                  // on GPUs
    std::vector<RDom> channels_read; // by it
    GeneratorInput<Buffer<int32_t, 1>> *count = nullptr;
    int channels = 0, co_block = 0;
    bool on_gpu = false;
    int pair = 1; // input channels that are multiplied at once
};

} // namespace

HALIDE_REGISTER_GENERATOR(ExpandDepthwise, expand_depthwise)
