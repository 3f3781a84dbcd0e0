#include "tests/generators/training_call.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <memory>

#include "runtime/halide_host.h"
#include "tests/kernel_call.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/normalization_cases.h"

namespace afnet {

namespace {

// An argument's elements, of the type that the kernel asks for: floats, doubles, or bytes.
class ArgumentMemory {
public:
    ArgumentMemory(const halide_filter_argument_t &argument, const Tensor4 &values)
        : dimensions_(argument.dimensions), bytes_(argument.type.bits == 8),
          shape_(values.c, values.x, values.y, values.f) {
        if (bytes_) {
            byte_buffer_ = Halide::Runtime::Buffer<uint8_t>(values.c, values.x, values.y, values.f);
            std::copy(values.data.begin(), values.data.end(), byte_buffer_.data());
        } else {
            const int border = dimensions_ == 4 ? values.x % 2 : 0; // rows that do not follow each other
            memory_ = std::make_unique<FrameMemory>(values, border, false,
                                                    argument.type.bits == 64 ? Dtype::F64 : Dtype::F32);
        }
    }

    void bind(KernelCall &call, const std::string &name) {
        FrameBuffer view = bytes_ ? FrameBuffer(byte_buffer_) : memory_->view();
        for (int d = 3; d >= dimensions_; d--)
            view = view.sliced(dimensions_ == 2 ? 1 : d);
        call.bind(name, view);
    }

    Tensor4 values() const {
        if (!bytes_) return memory_->values();
        Tensor4 result = shape_;
        std::copy_n(byte_buffer_.data(), result.data.size(), result.data.begin());
        return result;
    }

    bool surroundings_intact() const { return bytes_ || memory_->surroundings_intact(); }

private:
    int dimensions_;
    bool bytes_;
    Tensor4 shape_;
    std::unique_ptr<FrameMemory> memory_;
    Halide::Runtime::Buffer<uint8_t> byte_buffer_;
};

FrameBuffer unread(const halide_filter_argument_t &argument) {
    FrameBuffer buffer(argument.type, std::vector<int>(size_t(argument.dimensions), 1));
    for (int d = 0; d < argument.dimensions; d++)
        buffer.translate(d, 7);
    return buffer;
}

} // namespace

Tensor4 row(const std::vector<double> &values) {
    Tensor4 tensor(int(values.size()), 1, 1, 1);
    tensor.data = values;
    return tensor;
}

std::vector<double> as_stored(std::vector<double> values, Dtype dtype) {
    if (dtype == Dtype::F32) {
        for (double &v : values)
            v = float(v);
    }
    return values;
}

Tensor4 as_stored(Tensor4 values, Dtype dtype) {
    values.data = as_stored(std::move(values.data), dtype);
    return values;
}

double training_error(const Tensor4 &actual, const Tensor4 &expected, const Tensor4 &magnitude, Dtype dtype,
                      double roundings) {
    if (actual.data.size() != expected.data.size() || magnitude.data.size() != expected.data.size()) return INFINITY;
    const double bound = dtype == Dtype::F64 ? 1e-12 : roundings * std::ldexp(1.0, -24);
    double worst = 0;
    for (size_t i = 0; i < expected.data.size(); i++) {
        const double error = std::abs(actual.data[i] - expected.data[i]);
        if (!std::isfinite(error)) return INFINITY;
        worst = std::max(worst, error / (bound * std::abs(magnitude.data[i]) + 1e-37));
    }
    return worst;
}

TrainingCall::TrainingCall(const KernelSpec &spec, Dtype dtype) : spec_(with_dtype(spec, dtype)) {}

TrainingCall &TrainingCall::in(const std::string &name, const Tensor4 &values) {
    inputs_[name] = values;
    return *this;
}

TrainingCall &TrainingCall::out(const std::string &name, const Tensor4 &shape) {
    outputs_[name] = shape;
    std::fill(outputs_[name].data.begin(), outputs_[name].data.end(), NAN);
    return *this;
}

TrainingCall &TrainingCall::updated(const std::string &name, const Tensor4 &values, bool in_place, std::string before) {
    if (before.empty()) before = name + "_before";
    if (!in_place) return in(before, values).out(name, values);
    outputs_[name] = values;
    aliases_[before] = name;
    return *this;
}

TrainingCall &TrainingCall::set(const std::string &name, int value) {
    integers_[name] = value;
    return *this;
}

TrainingCall &TrainingCall::set(const std::string &name, double value) {
    reals_[name] = value;
    return *this;
}

std::map<std::string, Tensor4> TrainingCall::run(const Target &target) const {
    const std::map<std::string, Tensor4> one = run_with(target, 1), two = run_with(target, 2);
    for (const auto &[name, values] : one) {
        INFO(name << " with one thread and with two");
        CHECK(two.at(name).data == values.data);
    }
    return one;
}

std::map<std::string, Tensor4> TrainingCall::run_with(const Target &target, int threads) const {
    const Kernel &kernel = test_kernel_store(target).kernel(spec_, kNormalizationLibrary);
    KernelCall call(kernel);
    std::map<std::string, ArgumentMemory> memory;
    for (int a = 0; a < kernel.metadata->num_arguments; a++) {
        const halide_filter_argument_t &argument = kernel.metadata->arguments[a];
        const std::string name = argument.name;
        if (argument.kind == halide_argument_kind_input_scalar) {
            if (integers_.count(name)) call.set(name, integers_.at(name));
            if (reals_.count(name)) call.set(name, reals_.at(name));
        } else if (inputs_.count(name) || outputs_.count(name)) {
            const Tensor4 &values = inputs_.count(name) ? inputs_.at(name) : outputs_.at(name);
            memory.try_emplace(name, argument, values);
        } else if (!aliases_.count(name)) {
            call.bind(name, unread(argument));
        }
    }
    for (auto &[name, argument] : memory)
        argument.bind(call, name);
    for (const auto &[input, output] : aliases_)
        memory.at(output).bind(call, input);

    configure_halide(threads);
    call.run();
    configure_halide(0);
    std::map<std::string, Tensor4> results;
    for (const auto &[name, argument] : memory) {
        INFO(name << " of " << kernel.entry->symbol);
        CHECK(argument.surroundings_intact());
        if (outputs_.count(name)) results[name] = argument.values();
    }
    return results;
}

} // namespace afnet
