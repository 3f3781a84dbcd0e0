// Compiled variants of one step of a network, on equal data: whether they compute the same, and which is quicker.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "autotune/workload.h"
#include "model/isolated_step.h"

namespace afnet {

/// How long variants are measured.
struct Rounds {
    int most = 9;       // rounds over all variants
    double seconds = 1; // no round begins after that, once three are done
};

class StepContest {
public:
    /// Binds the step to its kernel in each of `variants`, the first of which is right by definition. Each gets memory
    /// of its own with the same contents, which follow from `seed`. Throws Error when a kernel is missing, or one of a
    /// vendor's that a variant chooses.
    StepContest(const Occurrence &occurrence, const std::vector<KernelStore *> &variants, uint64_t seed);

    /// Runs every variant once and compares every element that a variant may have changed, borders and other arguments
    /// included. Gives each variant's largest difference from the first, over the largest magnitude of the first in
    /// that tensor; 1e9 at the most, for what is not finite. Integers must be equal, or differ by 1e9.
    std::vector<double> differences();

    /// Milliseconds of one run of each variant, one number per round. Variants run in turn, the other way round in
    /// every second round. Steps that work in place start each sample from the data that they began with. A sample of a
    /// short step is the mean over several runs; on a device these are waited for once, and the wait is part of it.
    std::vector<std::vector<double>> time(const Rounds &rounds);

private:
    // What a step reads or writes besides packed constants.
    struct Operand {
        std::string argument;
        ElementType type = ElementType::Float32;
        bool in_place = false; // two arguments share it: a run changes what the next one reads
        // Its bytes before the first run, where it is in place, in each variant: a vendor's kernel has no borders.
        std::map<const IsolatedStep *, std::vector<char>> beginnings;
    };

    void add_operands(const LoweredNetwork &network, const Step &step);
    void restore(IsolatedStep &step);
    int warmed_runs();
    double sample(IsolatedStep &step, int runs);
    double difference(IsolatedStep &expected, IsolatedStep &step, const Operand &operand) const;

    std::vector<std::unique_ptr<IsolatedStep>> steps_;
    std::vector<Operand> operands_;
};

} // namespace afnet
