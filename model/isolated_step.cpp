#include "model/isolated_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>

#include "model/recipe.h"
#include "runtime/arena.h"
#include "runtime/element_type.h"
#include "runtime/error.h"

namespace afnet {

namespace {

constexpr int kMostRuns = 1024; // that are handed over to a device before it is waited for

// The step with the tensors that it names, every activation an input; the network's recipes for its constants.
LoweredNetwork alone(const LoweredNetwork &network, size_t index) {
    LoweredNetwork result;
    std::map<TensorId, TensorId> renamed;
    const auto keep = [&](TensorId &id) {
        const auto [found, added] = renamed.try_emplace(id, kNoTensor);
        if (added) {
            TensorInfo info = network.plan.tensors[size_t(id)];
            if (info.storage != Storage::Constant) info.storage = Storage::Input;
            found->second = result.plan.add(std::move(info));
        }
        id = found->second;
    };
    Step step = network.plan.steps[index];
    for (Argument &argument : step.arguments) keep(argument.tensor);
    if (step.count != kNoTensor) keep(step.count);
    result.plan.steps.push_back(std::move(step));
    for (ConstantRecipe recipe : network.constants) {
        if (recipe.step != index) continue;
        recipe.step = 0;
        keep(recipe.tensor);
        result.constants.push_back(std::move(recipe));
    }
    // F(0) gets its extents when the network computes it.
    for (const ZeroResponse &response : network.zero_responses) {
        const auto found = renamed.find(response.constant);
        if (found == renamed.end()) continue;
        std::vector<int> extents = response.plan.tensors[size_t(response.result)].extents;
        for (int d : {1, 2}) extents[size_t(d)] = std::min(extents[size_t(d)], response.kernel);
        result.plan.tensors[size_t(found->second)].extents = std::move(extents);
    }
    return result;
}

// Every frame of a list with its neighbours, as generators/work_list_generator.cpp defines it, clips aside.
void list_all_frames(int *sources, int frames) {
    for (int f = 0; f < frames; f++) {
        sources[3 * f] = f;
        sources[3 * f + 1] = f + 1;
        sources[3 * f + 2] = f == 0 ? frames : f - 1;
    }
}

}  // namespace

IsolatedStep::IsolatedStep(const LoweredNetwork &network, size_t index, KernelStore &kernels, const std::string &model,
                           const Weights &weights, uint64_t seed)
    : alone_(alone(network, index)), executor_(alone_.plan, kernels, model) {
    std::set<TensorId> packed;
    for (const ConstantRecipe &recipe : alone_.constants) {
        PackedConstant constant = recipe.make(weights, *executor_.kernel(0).entry);
        executor_.set_constant(recipe.tensor, std::move(constant.extents), constant.elements);
        packed.insert(recipe.tensor);
    }
    // What the network computes at load, F(0) and the mask of ones, is left at zero: it costs the same.
    for (size_t id = 0; id < alone_.plan.tensors.size(); id++) {
        const TensorInfo &tensor = alone_.plan.tensors[id];
        if (tensor.storage != Storage::Constant || packed.count(TensorId(id))) continue;
        size_t elements = 1;
        for (int extent : tensor.extents) elements *= size_t(extent);
        if (tensor.type == ElementType::Int32) {
            executor_.set_constant(TensorId(id), tensor.extents, std::vector<int>(elements, 1));
        } else {
            executor_.set_constant(TensorId(id), tensor.extents, std::vector<float>(elements, 0.0f));
        }
    }
    fill(seed);
    if (listed()) set_count(step().frames);
}

// As the executor has placed tensors: those that only a vendor's kernel reads have lost their borders.
void IsolatedStep::fill(uint64_t seed) {
    for (size_t id = 0; id < alone_.plan.tensors.size(); id++) {
        const TensorInfo &tensor = executor_.plan().tensors[id];
        if (tensor.storage != Storage::Input) continue;
        const TensorMemory memory = executor_.memory(TensorId(id));
        if (tensor.type == ElementType::Int32) {
            int *elements = static_cast<int *>(memory.data);
            if (tensor.extents.size() == 2 && tensor.extents[0] == 3) {
                list_all_frames(elements, tensor.extents[1]);
            } else {
                std::fill_n(elements, tensor.extents[0], 1);
            }
            continue;
        }
        if (tensor.type != ElementType::Float32 && tensor.type != ElementType::BFloat16) continue;
        const auto store = [&](size_t at, float value) {
            if (tensor.type == ElementType::Float32)
                static_cast<float *>(memory.data)[at] = value;
            else
                static_cast<uint16_t *>(memory.data)[at] = bfloat16_bits(value);
        };
        const std::vector<int> stored = stored_extents(tensor);
        const uint64_t name = fnv1a64(tensor.name);
        const int c = stored[0], b = tensor.border;
        const size_t pixels = stored.size() == 4 ? size_t(stored[1]) * size_t(stored[2]) : 1;
        const size_t frames = size_t(tensor.extents.back());
        size_t value = 0; // of the elements inside: the same whatever the border
        for (size_t p = 0; p < pixels * frames; p++) {
            const int x = stored.size() == 4 ? int(p % size_t(stored[1])) : 0;
            const int y = stored.size() == 4 ? int(p / size_t(stored[1]) % size_t(stored[2])) : 0;
            const bool outside = b > 0 && (x < b || y < b || x >= stored[1] - b || y >= stored[2] - b);
            for (int i = 0; i < c && !outside; i++) {
                store(p * size_t(c) + size_t(i), float(2 * recipe_uniform(name, seed, value++) - 1));
            }
        }
    }
}

void IsolatedStep::set_count(int frames) {
    if (!listed()) throw Error("step " + step().label + ": no list says how many frames it computes");
    if (frames < 0 || frames > step().frames) {
        throw Error("step " + step().label + ": a count of " + std::to_string(frames) + "; 0 to " +
                    std::to_string(step().frames) + " expected");
    }
    *static_cast<int *>(executor_.memory(step().count).data) = frames;
}

int IsolatedStep::frames() const {
    if (!listed()) return step().frames;
    const TensorMemory count = const_cast<Executor &>(executor_).memory(step().count);
    return computed_frames(step(), *static_cast<const int *>(count.data));
}

// From one run to more: of a few, it is the wait that takes the time.
int IsolatedStep::runs_within(double milliseconds) {
    using Clock = std::chrono::steady_clock;
    run(); // which loads the kernel's modules
    for (int runs = 1;;) {
        run_times(runs);
        const auto begin = Clock::now();
        run_times(runs);
        const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
        if (ms >= milliseconds || runs == kMostRuns) return runs;
        const double wanted = std::ceil(runs * milliseconds / std::max(ms, 1e-3));
        runs = std::clamp(int(std::min(wanted, double(kMostRuns))), runs + 1, kMostRuns);
    }
}

double compulsory_bytes(const Plan &plan, const Step &step, int frames) {
    std::set<TensorId> read, written;
    bool at_pixels = false; // a part of the pixels of activations that have all
    for (const Argument &argument : step.arguments) {
        const std::vector<int> &extents = plan.tensors[size_t(argument.tensor)].extents;
        at_pixels = at_pixels || (argument.name == "list" && extents[0] == 5 && extents[1] == step.frames);
        if (argument.ignored) continue;
        (argument.name == "output" || argument.name == "mask" ? written : read).insert(argument.tensor);
    }
    double bytes = 0;
    for (const std::set<TensorId> *tensors : {&read, &written}) {
        for (TensorId id : *tensors) {
            const TensorInfo &tensor = plan.tensors[size_t(id)];
            double elements = double(element_bytes(tensor.type));
            for (int extent : tensor.extents) elements *= extent;
            const bool by_frame =
                tensor.storage != Storage::Constant && (at_pixels || tensor.extents.back() == step.frames);
            bytes += by_frame ? elements * frames / step.frames : elements;
        }
    }
    return bytes;
}

TensorId IsolatedStep::tensor_of(const std::string &argument) const {
    for (const Argument &given : step().arguments) {
        if (given.name == argument) return given.tensor;
    }
    throw Error("step " + step().label + ": no argument " + argument);
}

TensorMemory IsolatedStep::argument(const std::string &name) {
    return executor_.memory(tensor_of(name));
}

const TensorInfo &IsolatedStep::tensor(const std::string &name) const {
    return executor_.plan().tensors[size_t(tensor_of(name))];
}

}  // namespace afnet
