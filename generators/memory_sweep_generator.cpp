// How quickly the machine's memory is read, and read and written: one pass over more than its caches hold. No layer;
// benchmarks give the traffic of kernels as percentages of it.
//
//   writes:  output(i, task) = input(i, task) + addend
//   else:    output(i, task) = sum_k input(k n + i, task) + addend,  0 <= i < n, over all whole k
//
// The addition keeps a compiler from calling the system's memcpy, which kernels do not call either.
#include "schedules/memory_sweep_schedule.h"

namespace {

using namespace Halide;

class MemorySweep : public Generator<MemorySweep> {
public:
    afnet::schedules::MemorySweepKnobs knobs;
    GeneratorParam<bool> writes{"writes", true};

    Input<float> addend{"addend"};
    Input<Buffer<float, 2>> input{"input"};    // [i, task]
    Output<Buffer<float, 2>> output{"output"}; // the same, or [n, task]; n: knob `elements`

    void generate() {
        elements = memory_sweep_elements(knobs, target);
        for (int d : {0, 1}) {
            input.dim(d).set_min(0);
            output.dim(d).set_min(0);
        }
        if (writes) {
            output(i, task) = input(i, task) + addend;
            return;
        }
        r = RDom(0, input.dim(0).extent() / elements, "r");
        sum(i, task) = addend;
        sum(i, task) += input(r * elements + i, task);
        output(i, task) = sum(i, task);
        output.dim(0).set_extent(elements);
    }

    void schedule() {
        if (writes) {
            schedule_cpu(afnet::schedules::MemoryCopy{output, i, task, elements}, target);
        } else {
            schedule_cpu(afnet::schedules::MemoryRead{sum, output, i, task, r, elements}, target);
        }
    }

private:
    Var i{"i"}, task{"task"};
    Func sum{"sum"};
    RDom r;
    int elements = 0;
};

} // namespace

HALIDE_REGISTER_GENERATOR(MemorySweep, memory_sweep)
