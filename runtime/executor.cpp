#include "runtime/executor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "runtime/argument_view.h"
#include "runtime/cuda_driver.h"
#include "runtime/device_tensors.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/host_tensors.h"
#include "runtime/interrupt.h"
#include "runtime/vendor_steps.h"

namespace afnet {

namespace {

halide_type_t halide_type(ElementType type) {
    switch (type) {
    case ElementType::Float32:
        return halide_type_of<float>();
    case ElementType::BFloat16:
        return halide_type_t(halide_type_bfloat, 16);
    case ElementType::Float64:
        return halide_type_of<double>();
    case ElementType::Int32:
        return halide_type_of<int32_t>();
    case ElementType::UInt8:
        return halide_type_of<uint8_t>();
    }
    return halide_type_of<float>();
}

// A scalar in the representation that the kernel's metadata asks for.
union ScalarValue {
    int32_t i32;
    float f32;
    double f64;
};

void store_scalar(ScalarValue &scalar, halide_type_t type, double value) {
    if (type.code != halide_type_float) {
        scalar.i32 = int32_t(value);
    } else if (type.bits == 64) {
        scalar.f64 = value;
    } else {
        scalar.f32 = float(value);
    }
}

} // namespace

// The arguments of one step, ready for the kernel's argv entry.
struct Executor::Binding {
    struct View {
        halide_buffer_t buffer{};
        std::vector<halide_dimension_t> dimensions;
        Frames frames = Frames::All;
        unsigned char *data = nullptr;
        int extent = 0; // of the outermost dimension, all frames
    };
    std::vector<View> views;
    std::vector<ScalarValue> scalars;
    std::vector<void *> argv;
    const int *count = nullptr;
    bool counts_all = false; // count[1] says how many there are, selected or not
    std::vector<TensorMemory> zeroed; // what to clear where there is no frame to compute
    VendorOperands operands; // of a vendor's kernel: the same memory

    // Notes which memory an argument sees; a CUDA device's handles are addresses.
    void note_operand(const std::string &argument, const halide_buffer_t &view) {
        void *const memory = reinterpret_cast<void *>(uintptr_t(view.device));
        if (argument == "input") operands.input = memory;
        if (argument == "weights") operands.weights = memory;
        if (argument == "bias") operands.bias = memory;
        if (argument == "residual") operands.residual = memory;
        if (argument == "output") operands.output = memory;
    }
};

Executor::Executor(Plan plan, KernelStore &kernels, const std::string &model) : plan_(std::move(plan)) {
    for (const Step &step : plan_.steps)
        kernels_.push_back(&kernels.kernel(step.kernel, model));
    type_constants();
    if (kernels.target().gpu == GpuInterface::None) {
        tensors_ = std::make_unique<HostTensors>(plan_);
    } else {
        device_ = &open_device(kernels.target().gpu);
        if (device_->interface == GpuInterface::Cuda && kernels.vendor_policy().use != VendorPolicy::Use::Never) {
            vendor_ = std::make_unique<VendorSteps>(plan_, kernels_, kernels.vendor_policy(), *device_);
            for (size_t i = 0; i < kernels_.size(); i++)
                if (const Kernel *chosen = vendor_->kernel(i)) kernels_[i] = chosen;
        }
        TensorInfo all;
        all.name = "all frames";
        all.type = ElementType::Int32;
        all.storage = Storage::Constant;
        all_frames_ = plan_.add(all);
        tensors_ = std::make_unique<DeviceTensors>(plan_, *device_);
        set_constant(all_frames_, {1}, std::vector<int>{std::numeric_limits<int>::max()});
    }
}

Executor::~Executor() = default;

// On a device a kernel asks for its list's count itself; any number beyond its frames means all.
std::optional<Argument> Executor::argument(const Step &step, const std::string &name) const {
    for (const Argument &given : step.arguments) {
        if (given.name == name) return given;
    }
    if (!device_ || name != "count") return std::nullopt;
    return Argument{name, step.count == kNoTensor ? all_frames_ : step.count};
}

// The view of an argument: minima, extents and strides of the part of the stored tensor that the kernel may see.
void Executor::bind(size_t index) {
    const Step &step = plan_.steps[index];
    const halide_filter_metadata_t &metadata = *kernels_[index]->metadata;
    auto binding = std::make_unique<Binding>();
    const size_t arguments = size_t(metadata.num_arguments);
    binding->views.resize(arguments);
    binding->scalars.resize(arguments);
    binding->argv.resize(arguments);
    // Kernels on a device read the count there.
    if (step.count != kNoTensor && !device_) {
        binding->count = static_cast<const int *>(memory(step.count).data);
        binding->counts_all = plan_.tensors[size_t(step.count)].extents[0] > 1;
    }

    for (size_t a = 0; a < arguments; a++) {
        const halide_filter_argument_t &wanted = metadata.arguments[a];
        const std::string where = "step " + step.label + " (" + step.kernel.name() + "), argument " + wanted.name;
        if (wanted.kind == halide_argument_kind_input_scalar) {
            const auto given = std::find_if(step.scalars.begin(), step.scalars.end(),
                                            [&](const Scalar &s) { return s.name == wanted.name; });
            if (given == step.scalars.end()) throw Error(where + ": no value is bound");
            store_scalar(binding->scalars[a], wanted.type, given->value);
            binding->argv[a] = &binding->scalars[a];
            continue;
        }
        const std::optional<Argument> given = argument(step, wanted.name);
        if (!given) throw Error(where + ": no tensor is bound");
        const TensorInfo &tensor = plan_.tensors[size_t(given->tensor)];
        if (!tensors_->has(given->tensor)) {
            if (tensor.storage == Storage::Lent) throw Error(where + ": no memory was lent for " + tensor.name);
            throw Error(where + ": constant " + tensor.name + " was never filled");
        }
        if (wanted.type != halide_type(tensor.type)) throw Error(where + ": wrong element type in " + tensor.name);
        if (given->zeroed) binding->zeroed.push_back(memory(given->tensor));

        Binding::View &view = binding->views[a];
        ArgumentView seen = argument_view(*given, tensor, tensors_->strides(given->tensor), where);
        view.dimensions = std::move(seen.dimensions);
        if (int(view.dimensions.size()) != wanted.dimensions) {
            throw Error(where + ": " + tensor.name + " " + shape_text(tensor.extents) + " has " +
                        std::to_string(view.dimensions.size()) + " dimensions; " + std::to_string(wanted.dimensions) +
                        " expected");
        }
        tensors_->attach(view.buffer, given->tensor, seen.offset, wanted.kind == halide_argument_kind_output_buffer);
        view.frames = given->frames;
        view.data = view.buffer.host;
        view.extent = view.dimensions.back().extent;
        view.buffer.type = wanted.type;
        view.buffer.dimensions = wanted.dimensions;
        view.buffer.dim = view.dimensions.data();
        binding->argv[a] = &view.buffer;
        if (vendor_ && vendor_->kernel(index)) binding->note_operand(wanted.name, view.buffer);
    }
    bindings_[index] = std::move(binding);
}

void Executor::forget_graphs() {
    graph_.reset();
    repeated_graph_.reset();
}

void Executor::prepare() {
    forget_graphs();
    ran_ = false;
    bindings_.clear();
    tensors_->detach_all();
    bindings_.resize(plan_.steps.size());
    for (size_t i = 0; i < plan_.steps.size(); i++)
        bind(i);
    prepared_ = true;
}

// Returns the number of frames computed.
int Executor::call(size_t index) {
    Binding &binding = *bindings_[index];
    int computed = plan_.steps[index].frames;
    if (binding.count) {
        const int count = *binding.count;
        for (Binding::View &view : binding.views) {
            if (view.frames != Frames::Selected && view.frames != Frames::Unselected) continue;
            halide_dimension_t &frames = view.dimensions.back();
            const bool rest = view.frames == Frames::Unselected;
            const int all = binding.counts_all ? binding.count[1] : view.extent;
            computed = frames.extent = rest ? all - count : count;
            const size_t skipped = size_t(rest ? count : 0) * size_t(frames.stride);
            view.buffer.host = view.data + skipped * size_t(view.buffer.type.bytes());
        }
        if (computed <= 0) { // kernels refuse empty buffers
            for (const TensorMemory &results : binding.zeroed)
                std::memset(results.data, 0, results.bytes);
            return 0;
        }
    }
    if (vendor_ && vendor_->kernel(index)) {
        call_vendor(index);
        return computed;
    }
    const int status = kernels_[index]->run(binding.argv.data());
    if (status != 0) {
        const std::string words = take_halide_errors();
        throw Error(failure(index, words.empty() ? "Halide status " + std::to_string(status) : words) +
                    (device_ ? "; run again, or take --device cpu" : ""));
    }
    return computed;
}

void Executor::call_vendor(size_t index) {
    try {
        vendor_->run(index, bindings_[index]->operands, cuda_stream());
    } catch (const Error &error) {
        throw Error(failure(index, error.what()));
    }
}

std::string Executor::failure(size_t index, const std::string &words) const {
    const Step &step = plan_.steps[index];
    return "step " + step.label + " (" + step.kernel.name() + ") failed" + (device_ ? " on " + device_->name : "") +
           ": " + words;
}

size_t Executor::vendor_steps() const {
    return vendor_ ? vendor_->count() : 0;
}

void Executor::set_scalar(size_t index, const std::string &name, double value) {
    for (Scalar &scalar : plan_.steps[index].scalars) {
        if (scalar.name == name) scalar.value = value;
    }
    if (!prepared_) return;
    forget_graphs(); // they hold the old value
    const halide_filter_metadata_t &metadata = *kernels_[index]->metadata;
    for (int a = 0; a < metadata.num_arguments; a++) {
        const halide_filter_argument_t &wanted = metadata.arguments[a];
        if (wanted.kind == halide_argument_kind_input_scalar && name == wanted.name) {
            store_scalar(bindings_[index]->scalars[size_t(a)], wanted.type, value);
        }
    }
}

void Executor::set_scalars(const std::string &name, double value) {
    for (size_t i = 0; i < plan_.steps.size(); i++)
        set_scalar(i, name, value);
}

void Executor::send_inputs() {
    if (!device_) return;
    if (!prepared_) prepare();
    tensors_->begin_run();
    wait_for(*device_);
}

void Executor::warm_up() {
    tensors_->populate();
    if (device_) run();
}

// On CUDA the launches of so many runs are recorded once, and then handed over as one.
bool Executor::replay(std::unique_ptr<CudaGraph> &graph, int times) {
    if (!device_ || device_->interface != GpuInterface::Cuda || !prepared_ || !ran_) return false;
    if (!graph && recordable_) {
        graph = CudaGraph::record([&] {
            for (size_t i = 0; i < size_t(times) * plan_.steps.size(); i++)
                call(i % plan_.steps.size());
        });
        recordable_ = graph != nullptr;
    }
    if (!graph) return false;
    if (interrupted()) throw Interrupted();
    tensors_->begin_run();
    graph->launch();
    tensors_->end_step(false);
    return true;
}

void Executor::run(const Observer &observer) {
    if (observer || !replay(graph_, 1)) run_steps(0, plan_.steps.size(), true, observer);
    tensors_->end_run();
    ran_ = true;
}

void Executor::run_times(int times) {
    if (times != repeated_times_) repeated_graph_.reset();
    repeated_times_ = times;
    if (!replay(repeated_graph_, times)) {
        for (int i = 0; i < times; i++)
            run_steps(0, plan_.steps.size(), true);
    }
    tensors_->end_run();
    ran_ = true;
}

void Executor::run_steps(size_t begin, size_t end, bool interruptible, const Observer &observer) {
    if (!prepared_) prepare();
    tensors_->begin_run();
    for (size_t i = begin; i < end; i++) {
        if (interruptible && interrupted()) throw Interrupted();
        StepReport report;
        report.begin = std::chrono::steady_clock::now();
        report.frames = call(i);
        tensors_->end_step(bool(observer));
        if (!observer) continue;
        report.end = std::chrono::steady_clock::now();
        report.index = i;
        report.step = &plan_.steps[i];
        if (device_ && report.step->count != kNoTensor) {
            report.frames = computed_frames(*report.step, *static_cast<const int *>(memory(report.step->count).data));
        }
        observer(report);
    }
}

} // namespace afnet
