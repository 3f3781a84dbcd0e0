// A plan: which kernels run in which order on which tensors. A plain value that lowering (model/) makes, and that the
// executor binds to kernels, memory and constants.
#pragma once

#include <string>
#include <vector>

#include "runtime/kernel_spec.h"

namespace afnet {

using TensorId = int;
constexpr TensorId kNoTensor = -1;

enum class ElementType { Float32, BFloat16, Float64, Int32, UInt8 };

enum class Storage {
    Arena,     // lives from its first to its last step; memory is shared with tensors of other times
    Kept,      // like Arena, but readable after the run: results
    Input,     // written by the caller before each run
    Constant,  // filled once at load: packed weights, tables
    Lent,      // the caller's own memory, which may be another one in each run; dense, without border and zero frame
};

/// One tensor. Extents are innermost first; activations are [c, x, y, f].
struct TensorInfo {
    std::string name;
    ElementType type = ElementType::Float32;
    std::vector<int> extents;
    Storage storage = Storage::Arena;
    int border = 0;           // zero columns and rows around dimensions 1 and 2 of an activation
    bool zero_frame = false;  // one more frame behind the last, all zero: what lists name beyond a clip's ends
};

/// Which part of the outermost dimension a kernel sees.
enum class Frames {
    All,
    WithZeroFrame,  // all, and the zero frame behind them
    Selected,       // the first `count` (compact tensors and work lists)
    Unselected,     // those behind the first `count` (work lists)
};

/// A tensor as one argument of a kernel, by the argument's name in the kernel's metadata.
struct Argument {
    std::string name;
    TensorId tensor = kNoTensor;
    Frames frames = Frames::All;
    int groups = 0;        // > 0: dimension 0 is seen as [c / groups, groups]
    bool border = false;   // the view includes the zero border (its minimum is -border)
    bool ignored = false;  // this variant of the kernel does not read it
    bool flat = false;     // all elements as one dimension; the tensor has no border
    bool zeroed = false;   // an output that is set to zero where the list leaves its step no frame to compute
    bool single = false;   // dimension 0, of one element, is left out
    bool surrounded = false; // dimensions 1 and 2 begin at -1: a pixel of what surrounds each frame is in the tensor
};

/// A scalar argument.
struct Scalar {
    std::string name;
    double value = 0;  // converted to the type in the kernel's metadata
};

/// One call of one kernel.
struct Step {
    std::string label;  // the layer, e.g. `layer1.refine_module.0.conv1`
    KernelSpec kernel;
    std::vector<Argument> arguments;
    std::vector<Scalar> scalars;
    // int32: how many frames, or tiles of a list, are selected, for Frames::Selected and Unselected; [2]: and how many
    // there are in all.
    TensorId count = kNoTensor;
    double macs = 0;             // multiply-accumulates per frame that it computes, convolutions and linears only
    int frames = 0;              // frames it computes when all are selected
};

/// Frames that a step computes when its list has `count` selected: those, or the others where it is for these; all
/// where no list governs it.
inline int computed_frames(const Step &step, int count) {
    if (step.count == kNoTensor) return step.frames;
    for (const Argument &argument : step.arguments) {
        if (argument.frames == Frames::Unselected) return step.frames - count;
    }
    return count;
}

/// A value that observers are shown after a step: modules whose output later steps overwrite.
struct Tap {
    std::string name;  // the module, e.g. `layer1.base_module.0`
    size_t step = 0;   // index of the step after which the tensor holds it
    TensorId tensor = kNoTensor;
};

struct Plan {
    std::vector<TensorInfo> tensors;
    std::vector<Step> steps;
    std::vector<Tap> taps;

    TensorId add(TensorInfo tensor) {
        tensors.push_back(std::move(tensor));
        return TensorId(tensors.size()) - 1;
    }
};

}  // namespace afnet
