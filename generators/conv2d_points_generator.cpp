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
//                for neighbours that are not listed (slot 0) or lie outside the frame (the border of `slots`)
//   scatter      results go to output(c, g, x_p, y_p, F_p), which may be the residual; else to output(c, g, p)
//
// On GPUs the kernel has one more input, `count`: only the first so many points are computed.
#include <optional>

#include "generators/activation.h"
#include "generators/listed_points.h"
#include "generators/points.h"
#include "schedules/conv2d_points_schedule.h"
#include "schedules/gpu.h"

namespace {

using namespace Halide;
using afnet::generators::Activation;
using afnet::generators::Place;

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

    void configure() {
        on_gpu = afnet::schedules::for_gpu(get_target());
        if (on_gpu) count = add_input<Buffer<int32_t, 1>>("count"); // [1] or more; the first number is read
    }

    void generate() {
        using afnet::schedules::require;
        const int g_count = groups, k = kernel;
        require(ci % g_count == 0 && co % g_count == 0, "conv2d_points: ci and co must be multiples of groups");
        require(k == 1 || k == 3, "conv2d_points: kernel must be 1 or 3");
        require(k == 1 || !gather, "conv2d_points: a 3x3 convolution reads listed points");
        require(!shift || (gather && 8 % g_count == 0 && 2 * fold() <= ci / g_count),
                "conv2d_points: shift needs gather, and its channels must lie in the first group");
        channels = co / g_count;
        co_block =
            on_gpu ? conv2d_points_gpu_co_block(knobs, channels) : conv2d_points_co_block(knobs, channels, target);
        const Expr entries = list.dim(1).extent(), entry = clamp(p, 0, entries - 1);
        if (on_gpu) note_places(entry);
        read(i, e, g, u, v, p) = read_input(i + e * run(), on_gpu ? Expr(p) : entry);
        r = RDom(0, run(), 0, runs(), 0, k, 0, k, "r");
        sum(c, g, p) = bias(c % co_block, c / co_block, g);
        sum(c, g, p) +=
            weights(c % co_block, r.y * run() + r.x, r.z, r.w, c / co_block, g) * read(r.x, r.y, g, r.z, r.w, p);

        output(c, g, x, y, f) = undef<float>();
        if (on_gpu) {
            const afnet::schedules::Conv2dGpuTile tile = conv2d_points_gpu_tile(knobs, ci / g_count, co_block);
            const afnet::generators::ListedPixels listed =
                afnet::generators::listed_points(tile.pixels, tile.threads, entries, (*count)(0));
            store(listed.q, Internal::promise_clamped(listed.q, 0, entries - 1));
            gpu = afnet::schedules::Conv2dPointsGpuStages{
                {places, read, sum, r, output, Func(output).update(), listed.r, c, g, p, i, channels, run(), tile},
                neighbour};
        } else {
            const RDom listed(0, entries, "listed");
            point = listed.x;
            store(point, point);
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
        if (on_gpu) {
            schedule_gpu(*gpu, co_block);
            return;
        }
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

    // A GPU's thread finds out once where its points lie: column, row and frame, and with `shift` the next and the
    // previous frame.
    void note_places(const Expr &entry) {
        const auto place_in = [&](auto &buffer) { return afnet::generators::listed_place(list, entry, buffer); };
        const Place place = gather ? place_in(input) : scatter ? place_in(output) : place_in(slots);
        std::vector<Expr> parts = {place.x, place.y, place.f};
        for (int kind = 1; kind <= 2 && fold() > 0; kind++)
            parts.push_back(afnet::generators::source_frame(list, kind, entry, input));
        places(p) = Tuple(parts);
    }

    // Part `part` of what is noted of a point, with the bounds that it keeps.
    template <class Dimension> Expr noted(const Expr &at, int part, Dimension dim) {
        return Internal::promise_clamped(places(at)[part], dim.min(), dim.max());
    }

    template <class Buffer> Place place_of(const Expr &at, Buffer &buffer) {
        if (!on_gpu) return afnet::generators::listed_place(list, at, buffer);
        const int x = buffer.dimensions() - 3;
        return {noted(at, 0, buffer.dim(x)), noted(at, 1, buffer.dim(x + 1)), noted(at, 2, buffer.dim(x + 2))};
    }

    // Its next (1) or previous (2) frame.
    Expr neighbouring_frame(const Expr &at, int kind) {
        return on_gpu ? noted(at, 2 + kind, input.dim(4)) : afnet::generators::source_frame(list, kind, at, input);
    }

    Expr read_input(const Expr &channel, const Expr &at) {
        if (gather) {
            const Place place = place_of(at, input);
            Expr frame = place.f;
            if (fold() > 0) {
                const Expr next = runs() > 1 ? e == 0 : channel < fold();
                const Expr previous = runs() > 1 ? e == 1 : channel < 2 * fold();
                frame = select(g == 0 && next, neighbouring_frame(at, 1), g == 0 && previous, neighbouring_frame(at, 2),
                               frame);
            }
            return input(channel, g, place.x, place.y, frame);
        }
        const Expr last = input.dim(4).extent() - 1;
        if (kernel == 1) return input(channel, g, 0, 0, clamp(at, 0, last));
        const Place place = place_of(at, slots);
        const Expr pixel = afnet::generators::listed_pixel(slots, place.x + u - 1, place.y + v - 1, place.f, input);
        if (!on_gpu) return input(channel, g, 0, 0, pixel);
        neighbour = Func("neighbour");
        neighbour(u, v, p) = pixel;
        return input(channel, g, 0, 0, Internal::promise_clamped(neighbour(u, v, p), 0, last));
    }

    // The sum of point `at`, which is entry `entry` of the list.
    void store(const Expr &at, const Expr &entry) {
        const Expr value = sum(c, g, at);
        if (scatter) {
            const Place to = place_of(at, output);
            output(c, g, to.x, to.y, to.f) = activate(activation, value + residual(c, g, to.x, to.y, to.f));
        } else {
            output(c, g, 0, 0, entry) = activate(activation, value);
        }
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
        if (!on_gpu) return;
        count->dim(0).set_min(0);
        afnet::schedules::align_rows(input, ci);
        afnet::schedules::align_rows(output, co);
        if (scatter) afnet::schedules::align_rows(residual, co);
    }

    Var i{"i"}, e{"e"}, c{"c"}, g{"g"}, x{"x"}, y{"y"}, f{"f"}, u{"u"}, v{"v"}, p{"p"};
    Func read{"read"}, sum{"sum"}, places{"places"}, neighbour;
    RDom r;
    RVar point;
    int channels = 0, co_block = 0;
    bool on_gpu = false;
    GeneratorInput<Buffer<int32_t, 1>> *count = nullptr;
    std::optional<afnet::schedules::Conv2dPointsGpuStages> gpu;
    std::unique_ptr<afnet::schedules::PrefetchPoints> prefetches;
};

} // namespace

HALIDE_REGISTER_GENERATOR(Conv2dPoints, conv2d_points)
