// Schedule of the peak measurement.
#pragma once

#include "schedules/knob.h"

namespace afnet::schedules {

struct FmaPeakStages {
    Halide::Func value, output;
    Halide::Var i, task;
    Halide::RDom r;
    int elements;
};

struct FmaPeakKnobs {
    Knob elements{"elements", {8, 16, 24, 48, 96, 192, 384}};  // values that a task keeps in registers
};

/// Elements that fill three quarters of the registers: enough chains to hide the latency of any FMA unit.
int fma_peak_elements(const FmaPeakKnobs &knobs, const Halide::Target &target);

void schedule_cpu(FmaPeakStages stages, const Halide::Target &target);

}  // namespace afnet::schedules
