// What the machine can do at best: independent chains of multiply-accumulates in registers. No layer; benchmarks give
// their figures as percentages of it.
//
//   value(i, task) <- value(i, task) * factor + addend,  `rounds` times
#include "schedules/fma_peak_schedule.h"

namespace {

using namespace Halide;

class FmaPeak : public Generator<FmaPeak> {
public:
    afnet::schedules::FmaPeakKnobs knobs;

    Input<int32_t> rounds{"rounds"};
    Input<float> factor{"factor"};
    Input<float> addend{"addend"};
    Output<Buffer<float, 2>> output{"output"};  // [i, task]; i: as many as the registers take

    void generate() {
        elements = fma_peak_elements(knobs, target);
        RDom r(0, rounds, "r");
        value(i, task) = cast<float>(i);
        // A reduction variable on the right makes this an update that runs `rounds` times.
        value(i, task) = value(i, task) * factor + select(r >= 0, addend, 0.0f);
        output(i, task) = value(i, task);
        output.dim(0).set_bounds(0, elements);
        output.dim(1).set_min(0);
        stages = {value, output, i, task, r, elements};
    }

    void schedule() { schedule_cpu(stages, target); }

private:
    Var i{"i"}, task{"task"};
    Func value{"value"};
    int elements = 0;
    afnet::schedules::FmaPeakStages stages;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(FmaPeak, fma_peak)
