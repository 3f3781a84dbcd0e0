// Mean over all pixels, per channel and frame (global average pooling).
//
//   output(c, f) = 1 / (W H) sum_{x,y} input(c, x, y, f) [+ upsampled(c, x, y, f)]
//
// With `upsample`, a low-resolution tensor enlarged to the input's size by nearest neighbour, index floor(i in / out),
// is added: the pooled sum of both branches from which fusion weights are made (AFNET_SPEC §2.8). With `response` k > 0
// frames that `mask` rejects still lack the F(0) of the input's last block, which has a k x k convolution and a linear
// end: its mean is added, of m_x m_y pixels, each as often as it stands for one (generators/zero_response.h).
#include "generators/dtype.h"
#include "generators/layout.h"
#include "generators/zero_response.h"
#include "schedules/reduction_schedule.h"

namespace {

using namespace Halide;
using afnet::generators::Dtype;
using afnet::generators::widened;

class SpatialMean : public Generator<SpatialMean> {
public:
    GeneratorParam<bool> upsample{"upsample", false};
    GeneratorParam<int> response{"response", 0};
    GeneratorParam<Dtype> dtype{"dtype", Dtype::F32, afnet::generators::dtype_names()};

    Input<Buffer<void, 4>> input{"input"};      // [c, x, y, f]
    Input<Buffer<void, 4>> coarse{"coarse"};    // [c, x / 2, y / 2, f], read with `upsample`
    Output<Buffer<void, 2>> output{"output"};   // [c, f]

    void configure() {
        input.set_type(element_type(dtype));
        coarse.set_type(element_type(dtype));
        output.set_type(sum_type(dtype));
        if (response == 0) return;
        residual = add_input<Buffer<>>("residual", Float(32), 4); // [c, m_x, m_y, 1]
        mask = add_input<Buffer<>>("mask", Int(32), 1);           // [f]
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
        Expr whole = sum(c, f);
        if (response > 0) {
            const auto served = [&](Expr i, int dimension) {
                return cast<float>(afnet::generators::positions_served(
                    i, input.dim(dimension).extent(), residual->dim(dimension).extent(), response));
            };
            const RDom m(0, residual->dim(1).extent(), 0, residual->dim(2).extent(), "m");
            missing(c) = 0.0f;
            missing(c) += (*residual)(c, m.x, m.y, 0) * served(m.x, 1) * served(m.y, 2);
            whole += select((*mask)(f) != 0, 0.0f, missing(c));
            afnet::generators::frames_from_zero(*residual);
            afnet::generators::frames_from_zero(*mask);
        }
        output(c, f) = whole / cast(sum_type(dtype), width * height);
        afnet::generators::frames_from_zero(input);
        afnet::generators::frames_from_zero(output);
        afnet::generators::frames_from_zero(coarse);
    }

    void schedule() {
        afnet::schedules::ChannelReduction stages{sum, output, c, f, {r.x, r.y}};
        if (response > 0) stages.constant = missing;
        get_target().has_gpu_feature() ? schedule_gpu(stages) : schedule_cpu(stages, target);
    }

private:
    Var c{"c"}, f{"f"};
    Func sum{"sum"}, missing{"missing"};
    RDom r;
    Input<Buffer<>> *residual = nullptr, *mask = nullptr; // read with `response`
};

}  // namespace

HALIDE_REGISTER_GENERATOR(SpatialMean, spatial_mean)
