// A reference-vector case (tests/golden/README.md): which network on which input, and how what it computes is compared.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/lowering.h"
#include "model/verify.h"
#include "runtime/safetensors.h"

namespace afnet {

struct ReferenceCase {
    ModelDescription description;
    RunShape shape;
    uint64_t seed = 0;
    double gain = 1;
    std::vector<int> forced_mask;  // [f], of every focal block; empty: the network decides

    bool train = false;
    double temperature = 1, target_ratio = 1, ratio_weight = 0;
    std::vector<int> labels;  // [n]
};

/// Throws Error with `path` where the file holds no case, or one that cannot be run.
ReferenceCase parse_case(const SafetensorsFile &file, const std::string &path);

/// What a case says of a network's tensors, by the names that it gives them.
class CaseValues {
public:
    /// A module's output: its spatial means `mean.<name>`, and every 16th channel of its top left pixels
    /// `corner.<name>`. `stored`: all elements, border included.
    void take_module(const std::string &name, const TensorInfo &tensor, const std::vector<double> &stored);
    void put(const std::string &name, std::vector<double> values) { values_[name] = std::move(values); }
    const std::vector<double> *find(const std::string &name) const;

private:
    std::map<std::string, std::vector<double>> values_;
};

/// Relative to a tensor's largest magnitude.
struct Tolerances {
    double tensor, gate_margin;
    double undecided;  // gates whose margin is within this may fall either way
};

/// `margins`: the case's gate margins, for masks.
TensorDifference compare(const SafetensorsTensor &theirs, const std::vector<double> *ours,
                         const std::vector<double> &margins, const Tolerances &tolerances);

double largest_of(const std::vector<double> &values);

/// The part of verify_case() that training cases need.
CaseReport verify_training(const SafetensorsFile &file, const ReferenceCase &c, KernelStore &kernels);

}  // namespace afnet
