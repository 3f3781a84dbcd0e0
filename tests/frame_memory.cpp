#include "tests/frame_memory.h"

#include <cstring>
#include <limits>

#include "model/recipe.h"
#include "runtime/arena.h"

namespace afnet {

namespace {

// Floats that a stray vector would read or write. AddressSanitizer guards the allocation itself, and sees more.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kMargin = 0;
#else
constexpr size_t kMargin = 64;
#endif
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TensorInfo layout_of(const Tensor4 &values, int border, bool zero_frame) {
    TensorInfo layout;
    layout.extents = {values.c, values.x, values.y, values.f};
    layout.border = border;
    layout.zero_frame = zero_frame;
    return layout;
}

// Calls visit(offset of the row in memory, offset in a Tensor4's data, floats) for each row of pixels.
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

void write_frames(const TensorInfo &layout, void *memory, const Tensor4 &values) {
    float *to = static_cast<float *>(memory);
    for_each_row(layout, [&](size_t at, size_t dense, size_t count) {
        for (size_t i = 0; i < count; i++) to[at + i] = float(values.data[dense + i]);
    });
}

Tensor4 read_frames(const TensorInfo &layout, const void *memory) {
    Tensor4 values(layout.extents[0], layout.extents[1], layout.extents[2], layout.extents[3]);
    const float *from = static_cast<const float *>(memory);
    for_each_row(layout, [&](size_t at, size_t dense, size_t count) {
        for (size_t i = 0; i < count; i++) values.data[dense + i] = from[at + i];
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

FrameMemory::FrameMemory(const Tensor4 &values, int border, bool zero_frame)
    : layout_(layout_of(values, border, zero_frame)) {
    size_t elements = 1;
    for (int extent : stored_extents(layout_)) elements *= size_t(extent);
    memory_.assign(elements + 2 * kMargin, 0.0f);
    std::fill_n(memory_.begin(), kMargin, kNaN);
    std::fill_n(memory_.end() - long(kMargin), kMargin, kNaN);
    write_frames(layout_, memory_.data() + kMargin, values);
    before_ = memory_;
}

FrameMemory FrameMemory::unwritten(int c, int x, int y, int f, int border) {
    Tensor4 values(c, x, y, f);
    std::fill(values.data.begin(), values.data.end(), std::numeric_limits<double>::quiet_NaN());
    return FrameMemory(values, border);
}

FloatBuffer FrameMemory::view(int groups, bool with_border) {
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
    return FloatBuffer(memory_.data() + kMargin + size_t(inset) * size_t(row + column), int(dimensions.size()),
                       dimensions.data());
}

Tensor4 FrameMemory::values() const {
    return read_frames(layout_, memory_.data() + kMargin);
}

bool FrameMemory::surroundings_intact() const {
    std::vector<float> expected = before_;
    for_each_row(layout_, [&](size_t at, size_t, size_t count) {
        std::copy_n(&memory_[kMargin + at], count, &expected[kMargin + at]);
    });
    return std::memcmp(expected.data(), memory_.data(), memory_.size() * sizeof(float)) == 0;
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
