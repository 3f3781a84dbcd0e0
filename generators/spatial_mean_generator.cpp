// Mean over all pixels, per channel and frame (global average pooling).
//
//   output(c, f) = 1 / (W H) sum_{x,y} input(c, x, y, f) [+ upsampled(c, x, y, f)]
//
// With `upsample`, a low-resolution tensor enlarged to the input's size by nearest neighbour, index floor(i in / out),
// is added: the pooled sum of both branches from which fusion weights are made (AFNET_SPEC §2.8).
#include "generators/dtype.h"
#include "generators/layout.h"
#include "schedules/reduction_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;
using afnet::generators::widened;

class SpatialMean : public Generator<SpatialMean> {
public:
    GeneratorParam<bool> upsample{"upsample", false};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> input{"input"};      // [c, x, y, f]
    Input<Buffer<void, 4>> coarse{"coarse"};    // [c, x / 2, y / 2, f], read with `upsample`
    Output<Buffer<void, 2>> output{"output"};   // [c, f]

    void configure() {
        input.set_type(element_type(dtype));
        coarse.set_type(element_type(dtype));
        output.set_type(sum_type(dtype));
    }

    void generate() {
        const Expr width = input.dim(1).extent(), height = input.dim(2).extent();
        r = RDom(0, width, 0, height, "r");
        // Blocks of a GPU's threads are of one size: those beyond the last channel read that one, and store nothing.
        const Expr channel = get_target().has_gpu_feature() ? min(c, input.dim(0).extent() - 1) : c;
        Expr value = widened(input(channel, r.x, r.y, f));
        if (upsample) {
            value += widened(coarse(channel, r.x * coarse.dim(1).extent() / width, r.y * coarse.dim(2).extent() / height, f));
        }
        sum(c, f) = Internal::make_zero(sum_type(dtype));
        sum(c, f) += value;
        output(c, f) = sum(c, f) / cast(sum_type(dtype), width * height);
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(output);
        afnet::generators::frames_from_zero(coarse);
    }

    void schedule() {
        const afnet::schedules::ChannelReduction stages{sum, output, c, f, {r.x, r.y}};
        get_target().has_gpu_feature() ? schedule_gpu(stages) : schedule_cpu(stages, target);
    }

private:
    Var c{"c"}, f{"f"};
    Func sum{"sum"};
    RDom r;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(SpatialMean, spatial_mean)
