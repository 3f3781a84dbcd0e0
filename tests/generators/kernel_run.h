// One run of a training kernel, in either dtype: its arguments as tensors, its results the same with 1 and 2 threads.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/frame_memory.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

namespace afnet {

/// The arguments of a kernel by name. A tensor [c, x, y, f] is bound with as many dimensions as the kernel has: 4 as
/// they are, 3 [c, x, y], 2 [c, f], 1 [c]; the others have extent 1.
class KernelRun {
public:
    KernelRun(const KernelSpec &spec, const Target &target, Dtype dtype, const char *library = kHeadLibrary);

    KernelRun &in(const std::string &name, const Tensor4 &values, int dimensions);
    /// [n], or of `extents`, which begin at `minima` or at 0.
    KernelRun &in(const std::string &name, const std::vector<int> &values, std::vector<int> extents = {},
                  std::vector<int> minima = {});
    KernelRun &in(const std::string &name, double value);
    KernelRun &in(const std::string &name, int value);
    /// Floats, whatever the dtype.
    KernelRun &in_floats(const std::string &name, const Tensor4 &values, int dimensions);
    KernelRun &out(const std::string &name, int c, int x, int y, int f, int dimensions);
    /// An output that is the input `before` as well, and holds `values`.
    KernelRun &in_place(const std::string &name, const std::string &before, const Tensor4 &values, int dimensions);

    /// Runs with 1 thread and with 2, and checks that results are the same bits and that nothing around them is
    /// written.
    std::map<std::string, Tensor4> run();

private:
    struct Argument {
        std::string name, before;
        Tensor4 values;
        int dimensions;
        Dtype dtype;
        bool output;
    };
    std::map<std::string, Tensor4> run_with(int threads);

    const Kernel &kernel_;
    Dtype dtype_;
    std::vector<Argument> arguments_;
    struct List {
        std::vector<int> values, extents, minima;
    };
    std::map<std::string, List> lists_;
    std::map<std::string, double> reals_;
    std::map<std::string, int> integers_;
};

/// Calls `check` with every target that runs here, in f32 and in f64.
void for_training_targets(const std::function<void(const Target &, Dtype)> &check);

/// The largest error as a fraction of what is allowed: 1e-12 of the magnitude in f64; in f32 what rounding may do to a
/// sum of `terms` products, as rounding_error (layer.h). Magnitude: the same sums over absolute values.
double training_error(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude, int terms, Dtype dtype);
/// The same where all elements have the magnitude of the largest, or `least`.
double training_error(const Tensor4 &actual, const Tensor4 &expected, int terms, Dtype dtype, double least = 1e-3);

/// The gradient of `loss` by central differences, in double.
Tensor4 central_difference(const std::function<double(const Tensor4 &)> &loss, Tensor4 at);

/// The largest difference of a gradient from central differences, relative to their largest.
double difference_error(const Tensor4 &gradient, const Tensor4 &differences);

double dot(const Tensor4 &a, const Tensor4 &b);
Tensor4 absolute(Tensor4 tensor);
Tensor4 as_floats(Tensor4 tensor);

} // namespace afnet
