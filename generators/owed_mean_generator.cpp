// Mean over the pixels of both branches' sum (AFNET_SPEC §2.8), where the focal one is owed responses
// (generators/owed_responses.h): what spatial_mean with `upsample` computes of a finished stream.
//
//   output(c, e, f) = 1 / (W H) sum_{x,y} finished(c, e, x, y, f) + coarse(c, e, X, Y, f)
//
// X = floor(x w / W), Y likewise: nearest upsampling.
#include "generators/owed_stream.h"
#include "schedules/owed_responses_schedule.h"
#include "schedules/reduction_schedule.h"

namespace {

using namespace Halide;

class OwedMean : public Generator<OwedMean> {
public:
    GeneratorParam<bool> shift{"shift", false};
    GeneratorParam<int> response{"response", 0};

    Input<Buffer<float, 5>> input{"input"};         // [c / e, e, x, y, f], 8 parts e with `shift`, else 1
    Input<Buffer<float, 5>> coarse{"coarse"};       // [c / e, e, x / 2, y / 2, f]
    Input<Buffer<int32_t, 4>> owed{"owed"};         // [gx, gy, part, f]
    Input<Buffer<float, 4>> responses{"responses"}; // [c / e, e, (addend, floor), j]
    Output<Buffer<float, 3>> output{"output"};      // [c / e, e, f]

    void configure() {
        if (response == 0) return;
        residual = add_input<Buffer<>>("residual", Float(32), 5); // [c / e, e, m_x, m_y, 1]
        mask = add_input<Buffer<>>("mask", Int(32), 1);           // [f]
    }

    void generate() {
        const Expr width = input.dim(2).extent(), height = input.dim(3).extent();
        afnet::generators::OwedStream stream(input, owed, responses, shift);
        r = RDom(0, width, 0, height, "r");
        sum(c, e, f) = 0.0f;
        sum(c, e, f) += afnet::generators::with_rejected(stream.finished(c, e, r.x, r.y, f), residual, mask, input,
                                                         {c, e, r.x, r.y, f}, response) +
                        coarse(c, e, r.x * coarse.dim(2).extent() / width, r.y * coarse.dim(3).extent() / height, f);
        output(c, e, f) = sum(c, e, f) / cast<float>(width * height);
        tables = stream.tables();
        afnet::generators::frames_from_zero(coarse);
        afnet::generators::frames_from_zero(output);
    }

    void schedule() {
        afnet::schedules::ChannelReduction stages{sum, output, c, f, {r.x, r.y}};
        stages.parts = {e};
        schedule_cpu(stages, target);
        afnet::schedules::schedule_patch_tables(tables);
    }

private:
    Var c{"c"}, e{"e"}, f{"f"};
    Func sum{"sum"};
    RDom r;
    std::vector<Func> tables;
    Input<Buffer<>> *residual = nullptr, *mask = nullptr; // read with `response`
};

} // namespace

HALIDE_REGISTER_GENERATOR(OwedMean, owed_mean)
