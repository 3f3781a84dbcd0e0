#include "tests/generators/kernel_run.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "runtime/halide_host.h"
#include "tests/kernel_call.h"

namespace afnet {

namespace {

FrameBuffer view_of(FrameMemory &memory, int dimensions) {
    FrameBuffer view = memory.view();
    switch (dimensions) {
    case 4:
        return view;
    case 3:
        return view.sliced(3);
    case 2:
        return view.sliced(1).sliced(1);
    default:
        return view.sliced(3).sliced(2).sliced(1);
    }
}

Tensor4 unwritten(int c, int x, int y, int f) {
    Tensor4 values(c, x, y, f);
    std::fill(values.data.begin(), values.data.end(), std::nan(""));
    return values;
}

bool same_bits(const Tensor4 &a, const Tensor4 &b) {
    return std::equal(a.data.begin(), a.data.end(), b.data.begin(), b.data.end(), [](double x, double y) {
        return (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
    });
}

} // namespace

KernelRun::KernelRun(const KernelSpec &spec, const Target &target, Dtype dtype, const char *library)
    : kernel_(test_kernel_store(target).kernel(with_dtype(spec, dtype), library)), dtype_(dtype) {}

KernelRun &KernelRun::in(const std::string &name, const Tensor4 &values, int dimensions) {
    arguments_.push_back({name, "", values, dimensions, dtype_, false});
    return *this;
}

KernelRun &KernelRun::in_floats(const std::string &name, const Tensor4 &values, int dimensions) {
    arguments_.push_back({name, "", values, dimensions, Dtype::F32, false});
    return *this;
}

KernelRun &KernelRun::in(const std::string &name, const std::vector<int> &values, std::vector<int> extents,
                         std::vector<int> minima) {
    if (extents.empty()) extents = {int(values.size())};
    lists_[name] = {values, std::move(extents), std::move(minima)};
    return *this;
}

KernelRun &KernelRun::in(const std::string &name, double value) {
    reals_[name] = value;
    return *this;
}

KernelRun &KernelRun::in(const std::string &name, int value) {
    integers_[name] = value;
    return *this;
}

KernelRun &KernelRun::out(const std::string &name, int c, int x, int y, int f, int dimensions) {
    arguments_.push_back({name, "", unwritten(c, x, y, f), dimensions, dtype_, true});
    return *this;
}

KernelRun &KernelRun::in_place(const std::string &name, const std::string &before, const Tensor4 &values,
                               int dimensions) {
    arguments_.push_back({name, before, values, dimensions, dtype_, true});
    return *this;
}

std::map<std::string, Tensor4> KernelRun::run_with(int threads) {
    configure_halide(threads);
    std::list<FrameMemory> memories;
    std::list<IntBuffer> lists;
    KernelCall call(kernel_);
    for (const Argument &argument : arguments_) {
        memories.emplace_back(argument.values, 0, false, argument.dtype);
        call.bind(argument.name, view_of(memories.back(), argument.dimensions));
        if (!argument.before.empty()) call.bind(argument.before, view_of(memories.back(), argument.dimensions));
    }
    for (const auto &[name, list] : lists_) {
        lists.push_back(integers(list.values, list.extents));
        if (!list.minima.empty()) lists.back().set_min(list.minima);
        call.bind(name, lists.back());
    }
    for (const auto &[name, value] : reals_)
        call.set(name, value);
    for (const auto &[name, value] : integers_)
        call.set(name, value);
    call.run();
    std::map<std::string, Tensor4> results;
    auto memory = memories.begin();
    for (const Argument &argument : arguments_) {
        CHECK(memory->surroundings_intact());
        if (argument.output) {
            results[argument.name] = memory->values();
        } else {
            CHECK(same_bits(memory->values(), argument.values));
        }
        ++memory;
    }
    return results;
}

std::map<std::string, Tensor4> KernelRun::run() {
    const auto one = run_with(1), two = run_with(2);
    for (const auto &[name, values] : one) {
        INFO(name << " with 1 and 2 threads");
        CHECK(same_bits(values, two.at(name)));
    }
    return one;
}

void for_training_targets(const std::function<void(const Target &, Dtype)> &check) {
    for (const Dtype dtype : {Dtype::F32, Dtype::F64}) {
        for (const Target &target : runnable_targets(dtype)) {
            INFO(target.name << ", " << dtype_name(dtype));
            check(target, dtype);
        }
    }
    configure_halide(0);
}

double training_error(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude, int terms,
                      Dtype dtype) {
    if (actual.data.size() != expected.data.size() || magnitude.data.size() != expected.data.size()) return INFINITY;
    const double allowed = dtype == Dtype::F64 ? 1e-12 : 1.5 * (terms + 8) * std::ldexp(1.0, -24);
    double worst = 0;
    for (size_t i = 0; i < expected.data.size(); i++) {
        const double error = std::abs(actual.data[i] - expected.data[i]);
        if (!std::isfinite(error)) return INFINITY;
        worst = std::max(worst, error / (allowed * magnitude.data[i] + 1e-30));
    }
    return worst;
}

double training_error(const Tensor4 &actual, const Tensor4 &expected, int terms, Dtype dtype, double least) {
    Tensor4 magnitude = expected;
    double largest = least;
    for (double v : expected.data)
        largest = std::max(largest, std::abs(v));
    std::fill(magnitude.data.begin(), magnitude.data.end(), largest);
    return training_error(actual, expected, magnitude, terms, dtype);
}

Tensor4 central_difference(const std::function<double(const Tensor4 &)> &loss, Tensor4 at) {
    constexpr double kStep = 1e-5;
    Tensor4 gradient = at;
    for (size_t i = 0; i < at.data.size(); i++) {
        const double here = at.data[i];
        at.data[i] = here + kStep;
        const double above = loss(at);
        at.data[i] = here - kStep;
        gradient.data[i] = (above - loss(at)) / (2 * kStep);
        at.data[i] = here;
    }
    return gradient;
}

double difference_error(const Tensor4 &gradient, const Tensor4 &differences) {
    if (gradient.data.size() != differences.data.size()) return INFINITY;
    double worst = 0, largest = 1e-3;
    for (size_t i = 0; i < gradient.data.size(); i++) {
        const double error = std::abs(gradient.data[i] - differences.data[i]);
        if (!std::isfinite(error)) return INFINITY;
        worst = std::max(worst, error);
        largest = std::max(largest, std::abs(differences.data[i]));
    }
    return worst / largest;
}

double dot(const Tensor4 &a, const Tensor4 &b) {
    reference::require(a.data.size() == b.data.size(), "dot: one shape");
    double sum = 0;
    for (size_t i = 0; i < a.data.size(); i++)
        sum += a.data[i] * b.data[i];
    return sum;
}

Tensor4 absolute(Tensor4 tensor) {
    for (double &v : tensor.data)
        v = std::abs(v);
    return tensor;
}

Tensor4 as_floats(Tensor4 tensor) {
    for (double &v : tensor.data)
        v = float(v);
    return tensor;
}

} // namespace afnet
