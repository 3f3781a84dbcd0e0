// One pass of Pillow's antialiased bilinear resize, bit for bit: 22-bit fixed point weights, rounded to uint8
// (AFNET_SPEC §6). Horizontal first, then vertical.
//
//   output(c, x, y) = clamp((2^21 + sum_i weights(i, x) input(c, first(x) + i, y)) >> 22, 0, 255)    horizontal
//   output(c, x, y) = clamp((2^21 + sum_i weights(i, y) input(c, x, first(y) + i)) >> 22, 0, 255)    vertical
#include "generators/layout.h"
#include "schedules/resize_schedule.h"

namespace {

using namespace Halide;

class Resize : public Generator<Resize> {
public:
    GeneratorParam<bool> vertical{"vertical", false};

    Input<Buffer<uint8_t, 3>> input{"input"};      // [3, x, y]
    Input<Buffer<int32_t, 2>> weights{"weights"};  // [tap, i]  zero beyond what the output pixel reads
    Input<Buffer<int32_t, 1>> first{"first"};      // [i]  first input column or row
    Output<Buffer<uint8_t, 3>> output{"output"};   // [3, x, y]

    void generate() {
        constexpr int kBits = 22;
        taps = RDom(0, weights.dim(0).extent(), "taps");
        const Expr i = vertical ? y : x;
        const Expr from = clamp(first(i) + taps, 0, input.dim(vertical ? 2 : 1).extent() - 1);
        sum(c, x, y) = 1 << (kBits - 1);
        sum(c, x, y) += weights(taps, i) * cast<int32_t>(vertical ? input(c, x, from) : input(c, from, y));
        output(c, x, y) = cast<uint8_t>(clamp(sum(c, x, y) >> kBits, 0, 255));
        input.dim(0).set_bounds(0, 3).dim(1).set_min(0).set_stride(3);
        input.dim(2).set_min(0);
        weights.dim(0).set_min(0).dim(1).set_min(0);
        first.dim(0).set_min(0);
        output.dim(0).set_bounds(0, 3).dim(1).set_min(0).set_stride(3);
        output.dim(2).set_min(0);
    }

    void schedule() {
        schedule_cpu(afnet::schedules::ResizeStages{sum, output, c, x, y, taps.x, vertical}, target);
    }

private:
    Var c{"c"}, x{"x"}, y{"y"};
    Func sum{"sum"};
    RDom taps;
};

// Centre crop and normalisation: output(c, x, y) = (input(c, x + left, y + top) / 255 - mean(c)) / deviation(c).
class Normalize : public Generator<Normalize> {
public:
    Input<Buffer<uint8_t, 3>> input{"input"};          // [3, x, y]
    Input<Buffer<float, 1>> mean{"mean"};              // [3]
    Input<Buffer<float, 1>> deviation{"deviation"};    // [3]
    Input<int32_t> left{"left"};
    Input<int32_t> top{"top"};
    Output<Buffer<float, 3>> output{"output"};         // [3, x, y]

    void generate() {
        const Expr value = cast<float>(input(c, x + left, y + top)) / 255.0f;
        output(c, x, y) = (value - mean(c)) / deviation(c);
        input.dim(0).set_bounds(0, 3).dim(1).set_stride(3);
        output.dim(0).set_bounds(0, 3).dim(1).set_min(0).set_stride(3);
        output.dim(2).set_min(0);
        mean.dim(0).set_bounds(0, 3);
        deviation.dim(0).set_bounds(0, 3);
    }

    void schedule() { schedule_cpu(afnet::schedules::PixelStages{output, c, x, y}, target); }

private:
    Var c{"c"}, x{"x"}, y{"y"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(Resize, resize)
HALIDE_REGISTER_GENERATOR(Normalize, normalize)
