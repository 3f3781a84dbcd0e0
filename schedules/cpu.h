// Facts of a CPU target that schedules follow.
#pragma once

#include "Halide.h"

namespace afnet::schedules {

struct CpuFacts {
    int lanes;      // floats in a vector register
    int registers;  // vector registers
};

inline CpuFacts cpu_facts(const Halide::Target &target) {
    const bool many = target.has_feature(Halide::Target::AVX512_Skylake) || target.arch == Halide::Target::ARM;
    return {target.natural_vector_size<float>(), many ? 32 : 16};
}

}  // namespace afnet::schedules
