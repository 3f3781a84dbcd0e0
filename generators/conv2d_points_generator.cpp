// Convolution with folded BatchNorm at listed pixels (AFNET_SPEC §11): each point p of the list is a pixel (x_p, y_p)
// of frame F_p.
//
//   out(c, g, p) = act(bias(c, g) + sum_{i,u,v} w(c, g, u, v, i) in(i, g, u, v, p) + residual(c, g, x_p, y_p, F_p))
//
// Compact tensors hold the listed points' channels one behind the other, a pixel a frame, and a zero pixel behind the
// last. What is read and where results go:
//
//   gather       in(i, g, p) = input(i, g, x_p, y_p, f): a stream's pixel. With `shift` besides (TSM, §2.9) the first
//                eighth of the channels comes from the next frame, the second from the previous one.
//   kernel 1     in(i, g, p) = input(i, g, p): the compact tensor's
//   kernel 3     in(i, g, u, v, p) = input(i, g, slots(x_p + u - 1, y_p + v - 1, F_p) - 1): likewise; the zero pixel
//   for
//                neighbours that are not listed (slot 0) or lie outside the frame (the border of `slots`)
//   scatter      results go to output(c, g, x_p, y_p, F_p), which may be the residual; else to output(c, g, p)
#include "generators/activation.h"
#include "generators/points.h"
#include "schedules/conv2d_points_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;

class Conv2dPoints : public Generator<Conv2dPoints> {
public:
    GeneratorParam<int> ci{"ci", 64};
    GeneratorParam<int> co{"co", 64};
    GeneratorParam<int> kernel{"kernel", 1};
    GeneratorParam<int> groups{"groups", 1};
    GeneratorParam<Activation> activation{"activation", Activation::Relu, afnet::generators::activation_names()};
    GeneratorParam<bool> gather{"gather", false};
    GeneratorParam<bool> shift{"shift", false};
    GeneratorParam<bool> scatter{"scatter", false};
    afnet::schedules::Conv2dPointsKnobs knobs;

    Input<Buffer<float, 5>> input{"input"};       // [ci/g, g, x, y, f]; compact: [ci/g, g, 1, 1, p] with its zero pixel
    Input<Buffer<float, 6>> weights{"weights"};   // [co_block, ci/g, u, v, block, g]
    Input<Buffer<float, 3>> bias{"bias"};         // [co_block, block, g]
    Input<Buffer<float, 5>> residual{"residual"}; // [co/g, g, x, y, f], read with `scatter`
    Input<Buffer<int32_t, 2>> list{"list"};       // [self next previous x y, p]
    Input<Buffer<int32_t, 3>> slots{"slots"};     // [x, y, f] with a border of zeros, read with kernel 3
    Output<Buffer<float, 5>> output{"output"};    // [co/g, g, x, y, f]; compact: [co/g, g, 1, 1, p]

    void generate() {
        using afnet::schedules::require;
        const int g_count = groups, k = kernel;
        require(ci % g_count == 0 && co % g_count == 0, "conv2d_points: ci and co must be multiples of groups");
        require(k == 1 || k == 3, "conv2d_points: kernel must be 1 or 3");
        require(k == 1 || !gather, "conv2d_points: a 3x3 convolution reads listed points");
        require(!shift || (gather && 8 % g_count == 0 && 2 * fold() <= ci / g_count),
                "conv2d_points: shift needs gather, and its channels must lie in the first group");
        channels = co / g_count;
        co_block = conv2d_points_co_block(knobs, channels, target);

        read(i, e, g, u, v, p) = read_input(i + e * run(), clamp(p, 0, list.dim(1).extent() - 1));
        r = RDom(0, run(), 0, runs(), 0, k, 0, k, "r");
        sum(c, g, p) = bias(c % co_block, c / co_block, g);
        sum(c, g, p) +=
            weights(c % co_block, r.y * run() + r.x, r.z, r.w, c / co_block, g) * read(r.x, r.y, g, r.z, r.w, p);

        const RDom listed(0, list.dim(1).extent(), "listed");
        point = listed.x;
        Expr value = sum(c, g, point);
        output(c, g, x, y, f) = undef<float>();
        if (scatter) {
            const afnet::generators::Place at = afnet::generators::listed_place(list, point, output);
            value += residual(c, g, at.x, at.y, at.f);
            output(c, g, at.x, at.y, at.f) = activate(activation, value);
        } else {
            output(c, g, 0, 0, point) = activate(activation, value);
        }
        constrain();
    }

    Pipeline build_pipeline() override {
        Pipeline pipeline = Generator<Conv2dPoints>::build_pipeline();
        if (prefetches) pipeline.add_custom_lowering_pass(prefetches.release());
        return pipeline;
    }

    void schedule() {
        Func out = output;
        out.update().allow_race_conditions(); // the list names each pixel once
        const afnet::schedules::Conv2dPointsStages stages = {
            read,        sum,         out,          out.update(), i, e, c, g, u, v, p, r, point, channels, run(),
            4 * int(ci), 4 * int(co), bool(gather), bool(scatter)};
        schedule_cpu(stages, knobs, co_block, target);
        prefetches = conv2d_points_prefetches(stages, knobs, co_block, target);
    }

private:
    // Channels that TSM takes from either neighbour; which frame a channel comes from changes only between eighths.
    int fold() const { return shift ? ci / 8 : 0; }
    int runs() const { return shift && ci % 8 == 0 ? 8 / int(groups) : 1; }
    int run() const { return ci / int(groups) / runs(); }

    Expr read_input(const Expr &channel, const Expr &at) {
        if (gather) {
            const afnet::generators::Place place = afnet::generators::listed_place(list, at, input);
            Expr frame = place.f;
            if (fold() > 0) {
                const auto neighbour = [&](int kind) { return afnet::generators::source_frame(list, kind, at, input); };
                const Expr next = runs() > 1 ? e == 0 : channel < fold();
                const Expr previous = runs() > 1 ? e == 1 : channel < 2 * fold();
                frame = select(g == 0 && next, neighbour(1), g == 0 && previous, neighbour(2), frame);
            }
            return input(channel, g, place.x, place.y, frame);
        }
        if (kernel == 1) return input(channel, g, 0, 0, clamp(at, 0, input.dim(4).extent() - 1));
        const afnet::generators::Place place = afnet::generators::listed_place(list, at, slots);
        return input(channel, g, 0, 0,
                     afnet::generators::listed_pixel(slots, place.x + u - 1, place.y + v - 1, place.f, input));
    }

    void constrain() {
        const int g_count = groups, in_channels = ci / g_count, blocks = (channels + co_block - 1) / co_block,
                  k = kernel;
        const auto frames = [&](auto &buffer, int per_group) {
            buffer.dim(0).set_bounds(0, per_group).dim(1).set_bounds(0, g_count).set_stride(per_group);
            buffer.dim(2).set_min(0).set_stride(per_group * g_count);
            buffer.dim(3).set_min(0);
            buffer.dim(4).set_min(0);
        };
        frames(input, in_channels);
        frames(output, channels);
        if (scatter) frames(residual, channels);
        weights.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, in_channels).set_stride(co_block);
        weights.dim(2).set_bounds(0, k).set_stride(co_block * in_channels);
        weights.dim(3).set_bounds(0, k).set_stride(co_block * in_channels * k);
        weights.dim(4).set_bounds(0, blocks).set_stride(co_block * in_channels * k * k);
        weights.dim(5).set_bounds(0, g_count).set_stride(co_block * in_channels * k * k * blocks);
        bias.dim(0).set_bounds(0, co_block).dim(1).set_bounds(0, blocks).set_stride(co_block);
        bias.dim(2).set_bounds(0, g_count).set_stride(co_block * blocks);
        afnet::generators::tile_list(list);
        if (kernel == 3) afnet::generators::bordered_slots(slots);
    }

    Var i{"i"}, e{"e"}, c{"c"}, g{"g"}, x{"x"}, y{"y"}, f{"f"}, u{"u"}, v{"v"}, p{"p"};
    Func read{"read"}, sum{"sum"};
    RDom r;
    RVar point;
    int channels = 0, co_block = 0;
    std::unique_ptr<afnet::schedules::PrefetchPoints> prefetches;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Conv2dPoints, conv2d_points)
