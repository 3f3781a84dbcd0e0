#include "tests/frame_memory.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/recipe.h"
#include "runtime/arena.h"
#include "runtime/element_type.h"

namespace afnet {

namespace {

// Elements that a stray vector would read or write. AddressSanitizer guards the allocation itself, and sees more.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kMargin = 0;
#else
constexpr size_t kMargin = 64;
#endif
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TensorInfo layout_of(const Tensor4 &values, int border, bool zero_frame, Dtype dtype) {
    TensorInfo layout;
    layout.type = dtype == Dtype::BF16  ? ElementType::BFloat16
                  : dtype == Dtype::F64 ? ElementType::Float64
                                        : ElementType::Float32;
    layout.extents = {values.c, values.x, values.y, values.f};
    layout.border = border;
    layout.zero_frame = zero_frame;
    return layout;
}

void store(ElementType type, void *memory, size_t at, double value) {
    if (type == ElementType::BFloat16) {
        static_cast<uint16_t *>(memory)[at] = bfloat16_bits(float(value));
    } else if (type == ElementType::Float64) {
        static_cast<double *>(memory)[at] = value;
    } else {
        static_cast<float *>(memory)[at] = float(value);
    }
}

double load(ElementType type, const void *memory, size_t at) {
    if (type == ElementType::BFloat16) return float_of_bfloat16(static_cast<const uint16_t *>(memory)[at]);
    if (type == ElementType::Float64) return static_cast<const double *>(memory)[at];
    return static_cast<const float *>(memory)[at];
}

// Calls visit(offset of the row in memory, offset in a Tensor4's data, elements) for each row of pixels.
template <class Visit>
void for_each_row(const TensorInfo &layout, Visit visit) {
    const std::vector<int> stored = stored_extents(layout);
    const size_t row = size_t(layout.extents[0]) * size_t(layout.extents[1]);
    size_t dense = 0;
    for (int f = 0; f < layout.extents[3]; f++) {
        for (int y = 0; y < layout.extents[2]; y++, dense += row) {
            const size_t line = size_t(f) * size_t(stored[2]) + size_t(y + layout.border);
            visit((line * size_t(stored[1]) + size_t(layout.border)) * size_t(stored[0]), dense, row);
        }
    }
}

}  // namespace

Tensor4 random_frames(int c, int x, int y, int f, const std::string &name, uint64_t seed) {
    Tensor4 tensor(c, x, y, f);
    const uint64_t hash = fnv1a64(name);
    for (size_t i = 0; i < tensor.data.size(); i++) tensor.data[i] = 2 * recipe_uniform(hash, seed, i) - 1;
    return tensor;
}

Tensor4 representable(Tensor4 values, Dtype dtype) {
    if (dtype == Dtype::BF16) {
        for (double &v : values.data)
            v = float_of_bfloat16(bfloat16_bits(float(v)));
    }
    return values;
}

void write_frames(const TensorInfo &layout, void *memory, const Tensor4 &values) {
    for_each_row(layout, [&](size_t at, size_t dense, size_t count) {
        for (size_t i = 0; i < count; i++)
            store(layout.type, memory, at + i, values.data[dense + i]);
    });
}

Tensor4 read_frames(const TensorInfo &layout, const void *memory) {
    Tensor4 values(layout.extents[0], layout.extents[1], layout.extents[2], layout.extents[3]);
    for_each_row(layout, [&](size_t at, size_t dense, size_t count) {
        for (size_t i = 0; i < count; i++)
            values.data[dense + i] = load(layout.type, memory, at + i);
    });
    return values;
}

Tensor4 listed_frames(const Tensor4 &tensor, const std::vector<int> &list) {
    Tensor4 listed(tensor.c, tensor.x, tensor.y, int(list.size()));
    const size_t frame = size_t(tensor.c) * size_t(tensor.x) * size_t(tensor.y);
    for (size_t s = 0; s < list.size(); s++) {
        std::copy_n(&tensor.data[size_t(list[s]) * frame], frame, &listed.data[s * frame]);
    }
    return listed;
}

Tensor4 first_frames(Tensor4 tensor, size_t count) {
    tensor.data.resize(count * tensor.data.size() / size_t(tensor.f));
    tensor.f = int(count);
    return tensor;
}

Tensor4 not_numbers(const Tensor4 &like) {
    Tensor4 values = like;
    std::fill(values.data.begin(), values.data.end(), std::numeric_limits<double>::quiet_NaN());
    return values;
}

Tensor4 compact_frames(const Tensor4 &some, int frames) {
    Tensor4 all = not_numbers(Tensor4(some.c, some.x, some.y, frames));
    std::copy(some.data.begin(), some.data.end(), all.data.begin());
    return all;
}

bool no_numbers_from(const Tensor4 &tensor, size_t first) {
    const size_t begin = first * tensor.data.size() / size_t(tensor.f);
    return std::all_of(tensor.data.begin() + long(begin), tensor.data.end(), [](double v) { return std::isnan(v); });
}

FrameMemory::FrameMemory(const Tensor4 &values, int border, bool zero_frame, Dtype dtype)
    : layout_(layout_of(values, border, zero_frame, dtype)) {
    size_t elements = 1;
    for (int extent : stored_extents(layout_))
        elements *= size_t(extent);
    memory_.assign((elements + 2 * kMargin) * element_bytes(layout_.type), 0);
    for (size_t i = 0; i < kMargin; i++) {
        store(layout_.type, memory_.data(), i, kNaN);
        store(layout_.type, memory_.data(), kMargin + elements + i, kNaN);
    }
    write_frames(layout_, first(), values);
    before_ = memory_;
}

// Behind the margin.
unsigned char *FrameMemory::first() {
    return memory_.data() + kMargin * element_bytes(layout_.type);
}

FrameMemory FrameMemory::unwritten(int c, int x, int y, int f, int border, Dtype dtype) {
    Tensor4 values(c, x, y, f);
    std::fill(values.data.begin(), values.data.end(), std::numeric_limits<double>::quiet_NaN());
    return FrameMemory(values, border, false, dtype);
}

FrameBuffer FrameMemory::view(int groups, bool with_border) {
    const std::vector<int> stored = stored_extents(layout_);
    const int margin = with_border ? layout_.border : 0, inset = layout_.border - margin;
    const int column = stored[0], row = column * stored[1], frame = row * stored[2];
    std::vector<halide_dimension_t> dimensions;
    if (groups > 0) {
        dimensions.push_back({0, stored[0] / groups, 1, 0});
        dimensions.push_back({0, groups, stored[0] / groups, 0});
    } else {
        dimensions.push_back({0, stored[0], 1, 0});
    }
    dimensions.push_back({-margin, layout_.extents[1] + 2 * margin, column, 0});
    dimensions.push_back({-margin, layout_.extents[2] + 2 * margin, row, 0});
    dimensions.push_back({0, stored[3], frame, 0});
    const halide_type_t type = layout_.type == ElementType::BFloat16  ? halide_type_t(halide_type_bfloat, 16)
                               : layout_.type == ElementType::Float64 ? halide_type_of<double>()
                                                                      : halide_type_of<float>();
    return FrameBuffer(type, first() + size_t(inset) * size_t(row + column) * element_bytes(layout_.type),
                       int(dimensions.size()), dimensions.data());
}

Tensor4 FrameMemory::values() const {
    return read_frames(layout_, const_cast<FrameMemory *>(this)->first());
}

bool FrameMemory::surroundings_intact() const {
    std::vector<unsigned char> expected = before_;
    const size_t bytes = element_bytes(layout_.type);
    for_each_row(layout_, [&](size_t at, size_t, size_t count) {
        std::copy_n(&memory_[(kMargin + at) * bytes], count * bytes, &expected[(kMargin + at) * bytes]);
    });
    return expected == memory_;
}

FloatBuffer vectors(const Tensor4 &values) {
    FloatBuffer buffer(values.c, values.f);
    for (size_t i = 0; i < values.data.size(); i++) buffer.data()[i] = float(values.data[i]);
    return buffer;
}

Tensor4 values_of(const FloatBuffer &vectors) {
    Tensor4 values(vectors.dim(0).extent(), 1, 1, vectors.dim(1).extent());
    std::copy_n(vectors.data(), values.data.size(), values.data.begin());
    return values;
}

IntBuffer integers(const std::vector<int> &values, std::vector<int> extents) {
    IntBuffer buffer(extents);
    std::copy(values.begin(), values.end(), buffer.data());
    return buffer;
}

}  // namespace afnet
