#include "runtime/executor.h"

#include <algorithm>
#include <cstring>

#include "runtime/element_type.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/interrupt.h"

namespace afnet {

namespace {

halide_type_t halide_type(ElementType type) {
    switch (type) {
    case ElementType::Float32: return halide_type_of<float>();
    case ElementType::BFloat16:
        return halide_type_t(halide_type_bfloat, 16);
    case ElementType::Float64: return halide_type_of<double>();
    case ElementType::Int32: return halide_type_of<int32_t>();
    case ElementType::UInt8: return halide_type_of<uint8_t>();
    }
    return halide_type_of<float>();
}

std::string shape_text(const std::vector<int> &extents) {
    std::string text = "[";
    for (int extent : extents) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
    return text + "]";
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

}  // namespace

// The arguments of one step, ready for the kernel's argv entry.
struct Executor::Binding {
    struct View {
        halide_buffer_t buffer{};
        std::vector<halide_dimension_t> dimensions;
        Frames frames = Frames::All;
        unsigned char *data = nullptr;
        int extent = 0;  // of the outermost dimension, all frames
    };
    std::vector<View> views;
    std::vector<ScalarValue> scalars;
    std::vector<void *> argv;
    const int *count = nullptr;
    bool counts_all = false; // count[1] says how many there are, selected or not
    std::vector<TensorMemory> zeroed; // what to clear where there is no frame to compute
};

Executor::Executor(Plan plan, KernelStore &kernels, const std::string &model)
    : plan_(std::move(plan)), arena_(plan_arena(plan_)), inputs_(plan_.tensors.size()),
      constants_(plan_.tensors.size()) {
    for (const Step &step : plan_.steps)
        kernels_.push_back(&kernels.kernel(step.kernel, model));
    type_constants();
    block_.resize(arena_.bytes);
    for (size_t i = 0; i < plan_.tensors.size(); i++) {
        if (plan_.tensors[i].storage == Storage::Input) inputs_[i].resize(stored_bytes(plan_.tensors[i]));
    }
}

Executor::~Executor() = default;

// Which numbers a kernel reads as bfloat16 is its own affair: weights are, where its algorithm multiplies such pairs.
void Executor::type_constants() {
    for (size_t i = 0; i < plan_.steps.size(); i++) {
        const halide_filter_metadata_t &metadata = *kernels_[i]->metadata;
        for (const Argument &argument : plan_.steps[i].arguments) {
            TensorInfo &tensor = plan_.tensors[size_t(argument.tensor)];
            if (tensor.storage != Storage::Constant) continue;
            for (int a = 0; a < metadata.num_arguments; a++) {
                const halide_filter_argument_t &wanted = metadata.arguments[a];
                if (argument.name == wanted.name && wanted.type.code == halide_type_bfloat) {
                    tensor.type = ElementType::BFloat16;
                }
            }
        }
    }
}

void Executor::set_constant(TensorId id, std::vector<int> extents, const std::vector<float> &elements) {
    if (plan_.tensors[size_t(id)].type != ElementType::BFloat16) {
        set_constant(id, std::move(extents), elements.data(), elements.size() * sizeof(float));
        return;
    }
    std::vector<uint16_t> rounded(elements.size());
    std::transform(elements.begin(), elements.end(), rounded.begin(), bfloat16_bits);
    set_constant(id, std::move(extents), rounded.data(), rounded.size() * sizeof(uint16_t));
}

std::vector<float> Executor::numbers(TensorId id) {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    size_t count = 1;
    for (int extent : stored_extents(tensor))
        count *= size_t(extent);
    const TensorMemory memory = this->memory(id);
    std::vector<float> numbers(count);
    switch (tensor.type) {
    case ElementType::Float32:
        std::copy_n(static_cast<const float *>(memory.data), count, numbers.begin());
        break;
    case ElementType::BFloat16:
        std::transform(static_cast<const uint16_t *>(memory.data), static_cast<const uint16_t *>(memory.data) + count,
                       numbers.begin(), float_of_bfloat16);
        break;
    default:
        throw Error("tensor " + tensor.name + " holds whole numbers; floats or bfloat16 expected");
    }
    return numbers;
}

void Executor::set_constant(TensorId id, std::vector<int> extents, const void *elements, size_t elements_bytes) {
    TensorInfo &tensor = plan_.tensors[size_t(id)];
    tensor.extents = std::move(extents);
    size_t wanted = element_bytes(tensor.type);
    for (int extent : tensor.extents) wanted *= size_t(extent);
    if (elements_bytes != wanted) {
        throw Error("constant " + tensor.name + " has " + std::to_string(elements_bytes) + " bytes; its extents " +
                    shape_text(tensor.extents) + " need " + std::to_string(wanted));
    }
    const size_t stored = stored_bytes(tensor);
    unsigned char *memory = constant_memory_.take(stored);
    std::memcpy(memory, elements, elements_bytes);
    std::memset(memory + elements_bytes, 0, stored - elements_bytes);
    constants_[size_t(id)] = {memory, stored};
    if (prepared_) prepared_ = false; // written by one thread only: threads set constants before the first run
}

void Executor::share_constant(TensorId id, Executor &owner, TensorId original) {
    plan_.tensors[size_t(id)].extents = owner.plan_.tensors[size_t(original)].extents;
    constants_[size_t(id)] = owner.memory(original);
    prepared_ = false;
}

TensorMemory Executor::memory(TensorId id) {
    const TensorInfo &tensor = plan_.tensors[size_t(id)];
    if (tensor.storage == Storage::Constant) return constants_[size_t(id)];
    if (tensor.storage == Storage::Input) return {inputs_[size_t(id)].data(), inputs_[size_t(id)].size()};
    return {block_.data() + arena_.offsets[size_t(id)], stored_bytes(tensor)};
}

size_t Executor::constant_bytes() const {
    size_t total = 0;
    for (const TensorMemory &memory : constants_)
        total += memory.bytes;
    return total;
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
    if (step.count != kNoTensor) {
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
        const auto given = std::find_if(step.arguments.begin(), step.arguments.end(),
                                        [&](const Argument &g) { return g.name == wanted.name; });
        if (given == step.arguments.end()) throw Error(where + ": no tensor is bound");
        const TensorInfo &tensor = plan_.tensors[size_t(given->tensor)];
        const std::vector<int> stored = stored_extents(tensor);
        const TensorMemory memory = this->memory(given->tensor);
        if (!memory.data) throw Error(where + ": constant " + tensor.name + " was never filled");
        if (wanted.type != halide_type(tensor.type)) throw Error(where + ": wrong element type in " + tensor.name);

        if (given->zeroed) binding->zeroed.push_back({memory.data, stored_bytes(tensor)});

        Binding::View &view = binding->views[a];
        size_t offset = 0;
        int stride = 1;
        std::vector<int> extents = stored;
        if (given->flat) {
            if (tensor.border > 0 || tensor.zero_frame) throw Error(where + ": " + tensor.name + " has gaps");
            int elements = 1;
            for (int extent : stored) elements *= extent;
            extents = {elements};
        }
        for (size_t d = 0; d < extents.size(); d++) {
            const bool bordered = tensor.border > 0 && (d == 1 || d == 2);
            const bool outermost = d + 1 == extents.size();
            int min = 0, extent = extents[d];
            if (bordered && given->border) {
                min = -tensor.border;
            } else if (bordered) {
                extent -= 2 * tensor.border;
                offset += size_t(tensor.border) * size_t(stride);
            }
            if (outermost && tensor.zero_frame && given->frames != Frames::WithZeroFrame) extent -= 1;
            if (d == 0 && given->single) continue;
            if (d == 0 && given->groups > 0) {
                view.dimensions.push_back({0, extent / given->groups, 1, 0});
                view.dimensions.push_back({0, given->groups, extent / given->groups, 0});
            } else {
                view.dimensions.push_back({min, extent, stride, 0});
            }
            stride *= extents[d];
        }
        if (int(view.dimensions.size()) != wanted.dimensions) {
            throw Error(where + ": " + tensor.name + " " + shape_text(tensor.extents) + " has " +
                        std::to_string(view.dimensions.size()) + " dimensions; " + std::to_string(wanted.dimensions) +
                        " expected");
        }
        view.frames = given->frames;
        view.data = static_cast<unsigned char *>(memory.data) + offset * element_bytes(tensor.type);
        view.extent = view.dimensions.back().extent;
        view.buffer.host = view.data;
        view.buffer.type = wanted.type;
        view.buffer.dimensions = wanted.dimensions;
        view.buffer.dim = view.dimensions.data();
        binding->argv[a] = &view.buffer;
    }
    bindings_[index] = std::move(binding);
}

void Executor::prepare() {
    bindings_.clear();
    bindings_.resize(plan_.steps.size());
    for (size_t i = 0; i < plan_.steps.size(); i++) bind(i);
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
    const int status = kernels_[index]->run(binding.argv.data());
    if (status != 0) {
        const std::string words = take_halide_errors();
        throw Error("step " + plan_.steps[index].label + " (" + plan_.steps[index].kernel.name() + ") failed: " +
                    (words.empty() ? "Halide status " + std::to_string(status) : words));
    }
    return computed;
}

void Executor::set_scalar(size_t index, const std::string &name, double value) {
    for (Scalar &scalar : plan_.steps[index].scalars) {
        if (scalar.name == name) scalar.value = value;
    }
    if (!prepared_) return;
    const halide_filter_metadata_t &metadata = *kernels_[index]->metadata;
    for (int a = 0; a < metadata.num_arguments; a++) {
        const halide_filter_argument_t &wanted = metadata.arguments[a];
        if (wanted.kind == halide_argument_kind_input_scalar && name == wanted.name) {
            store_scalar(bindings_[index]->scalars[size_t(a)], wanted.type, value);
        }
    }
}

void Executor::set_scalars(const std::string &name, double value) {
    for (size_t i = 0; i < plan_.steps.size(); i++) set_scalar(i, name, value);
}

void Executor::run(const Observer &observer) {
    run_steps(0, plan_.steps.size(), true, observer);
}

void Executor::run_steps(size_t begin, size_t end, bool interruptible, const Observer &observer) {
    if (!prepared_) prepare();
    for (size_t i = begin; i < end; i++) {
        if (interruptible && interrupted()) throw Interrupted();
        StepReport report;
        report.begin = std::chrono::steady_clock::now();
        report.frames = call(i);
        if (!observer) continue;
        report.end = std::chrono::steady_clock::now();
        report.index = i;
        report.step = &plan_.steps[i];
        observer(report);
    }
}

}  // namespace afnet
