// A call of a training kernel by named tensors: on memory that shows who touched what, with one thread and with two,
// whose results must have the same bits.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/dtype.h"
#include "runtime/kernel_spec.h"
#include "runtime/target.h"
#include "tests/frame_memory.h"

namespace afnet {

/// [n] as kernels take vectors of channels, of frames, or whole parameters.
Tensor4 row(const std::vector<double> &values);

/// The numbers that memory of `dtype` holds when these are written to it; f32 rounds.
std::vector<double> as_stored(std::vector<double> values, Dtype dtype);
Tensor4 as_stored(Tensor4 values, Dtype dtype);

/// The largest |actual - expected| as a fraction of what is allowed, element by element: of `magnitude`, 1e-12 in f64
/// and `roundings` of a float in f32. Infinite where a value is not finite or shapes differ.
double training_error(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude, Dtype dtype,
                      double roundings);

class TrainingCall {
public:
    TrainingCall(const KernelSpec &spec, Dtype dtype);

    /// A tensor is bound with as many dimensions as the kernel asks for. Inputs that are not given are bound to one
    /// element somewhere else: kernels must not look at what they do not read.
    TrainingCall &in(const std::string &name, const Tensor4 &values);
    TrainingCall &out(const std::string &name, const Tensor4 &shape);
    /// The output `name`, with these values before the call under the input's name `<name>_before` (or `before`): in
    /// the same memory, or in other.
    TrainingCall &updated(const std::string &name, const Tensor4 &values, bool in_place, std::string before = "");
    TrainingCall &set(const std::string &name, int value);
    TrainingCall &set(const std::string &name, double value);

    std::map<std::string, Tensor4> run(const Target &target) const;

private:
    std::map<std::string, Tensor4> run_with(const Target &target, int threads) const;

    KernelSpec spec_;
    std::map<std::string, Tensor4> inputs_, outputs_;
    std::map<std::string, std::string> aliases_; // input to the output that it shares memory with
    std::map<std::string, int> integers_;
    std::map<std::string, double> reals_;
};

} // namespace afnet
