// Schedule of the memory measurement.
#pragma once

#include "schedules/knob.h"

namespace afnet::schedules {

struct MemoryCopy {
    Halide::Func output;
    Halide::Var i, task;
    int elements; // of an unrolled step
};

struct MemoryRead {
    Halide::Func sum, output;
    Halide::Var i, task;
    Halide::RDom r;
    int elements; // sums that a task keeps in registers
};

struct MemorySweepKnobs {
    Knob elements{"elements", {8, 16, 32, 64, 128, 256}};
};

/// Elements of eight registers: chains enough that additions never wait for each other.
int memory_sweep_elements(const MemorySweepKnobs &knobs, const Halide::Target &target);

void schedule_cpu(MemoryCopy stages, const Halide::Target &target);
void schedule_cpu(MemoryRead stages, const Halide::Target &target);

} // namespace afnet::schedules
