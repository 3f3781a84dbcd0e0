// What llvm-mca predicts for a loop on one processor's model.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "autotune/process.h"
#include "bench/codegen/code_figures.h"

namespace afnet {

struct LoopPrediction {
    std::string processor;        // LLVM's name of the model
    double cycles = 0;            // of one iteration, of many in a row
    double throughput_cycles = 0; // at the least, as far as ports and dispatch go
    double instructions_per_cycle = 0;
    std::vector<std::pair<std::string, double>> pressure; // cycles of each port in one iteration, the busiest first
};

/// An llvm-mca of this machine.
class MachineModel {
public:
    /// Looks for `llvm-mca`, then for those of Debian's packages llvm-19 to llvm-14, in PATH. `program`, unless it is
    /// empty, is taken instead. `processor` replaces the target's.
    MachineModel(std::string program, std::string processor);

    /// Empty where there is none.
    const std::string &program() const { return program_; }
    /// Why there are no predictions, and what to do; empty where there are.
    std::string absence() const;

    /// One iteration of a loop in the order of its text: where it has several blocks, as if none were skipped. The
    /// scratch folder receives files. Throws Error where no processor of the target is known to it, or where it does
    /// not know an instruction.
    LoopPrediction predict(const LoopFigures &loop, const Target &target, const std::string &scratch) const;

private:
    std::string program_, processor_;
};

/// Processors whose model stands for a target, the first that llvm-mca knows being taken.
std::vector<std::string> model_processors(const Target &target);

/// Reads what `llvm-mca -json` wrote. Throws Error where it is something else.
LoopPrediction read_prediction(const std::string &json);

} // namespace afnet
