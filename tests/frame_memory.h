// Activations as kernels see them, in memory that shows who touched what: a zero border, a zero frame, and margins of
// NaN before and behind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "HalideBuffer.h"
#include "runtime/dtype.h"
#include "runtime/plan.h"
#include "tests/reference/tensor4.h"

namespace afnet {

using reference::Tensor4;
using FloatBuffer = Halide::Runtime::Buffer<float>;
using FrameBuffer = Halide::Runtime::Buffer<void>; // of floats or bfloat16
using IntBuffer = Halide::Runtime::Buffer<int>;

/// Numbers in [-1, 1) that are floats exactly; the name and the seed choose them.
Tensor4 random_frames(int c, int x, int y, int f, const std::string &name, uint64_t seed = 1);

/// The numbers that memory of `dtype` holds when these are written to it.
Tensor4 representable(Tensor4 values, Dtype dtype);

/// Copies between an activation [c, x, y, f] of a plan and a tensor; border and zero frame stay as they are.
void write_frames(const TensorInfo &layout, void *memory, const Tensor4 &values);
Tensor4 read_frames(const TensorInfo &layout, const void *memory);

/// The frames that `list` names, in its order.
Tensor4 listed_frames(const Tensor4 &tensor, const std::vector<int> &list);

/// The first `count` frames.
Tensor4 first_frames(Tensor4 tensor, size_t count);

/// All of `like`'s shape, and nothing is a number.
Tensor4 not_numbers(const Tensor4 &like);

/// The first of `frames` frames are `some`, nothing is in the others.
Tensor4 compact_frames(const Tensor4 &some, int frames);

/// Whether nothing is a number from frame `first` on.
bool no_numbers_from(const Tensor4 &tensor, size_t first);

class FrameMemory {
public:
    explicit FrameMemory(const Tensor4 &values, int border = 0, bool zero_frame = false, Dtype dtype = Dtype::F32);
    /// NaN, to be written.
    static FrameMemory unwritten(int c, int x, int y, int f, int border = 0, Dtype dtype = Dtype::F32);

    /// What a plan's argument would see: with `groups`, channels as [c / groups, groups].
    FrameBuffer view(int groups = 0, bool with_border = false);
    /// The same without groups and border.
    FrameBuffer flat() { return view(); }

    Tensor4 values() const;
    /// Everything but the elements themselves has the bits that it began with.
    bool surroundings_intact() const;

private:
    unsigned char *first();

    TensorInfo layout_;
    std::vector<unsigned char> memory_, before_;
};

/// [c, f] of frames with one pixel; the elements are the buffer's own.
FloatBuffer vectors(const Tensor4 &values);
Tensor4 values_of(const FloatBuffer &vectors);
IntBuffer integers(const std::vector<int> &values, std::vector<int> extents);

}  // namespace afnet
