#include "runtime/arena.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <sys/mman.h>
#include <tuple>

#include "runtime/error.h"
#include "runtime/parallel_for.h"

namespace afnet {

namespace {

struct Life {
    size_t first = std::numeric_limits<size_t>::max();
    size_t last = 0;
    bool meets(const Life &other) const { return first <= other.last && other.first <= last; }
};

bool in_arena(const TensorInfo &tensor) {
    return tensor.storage == Storage::Arena || tensor.storage == Storage::Kept;
}

bool has_zeroes(const TensorInfo &tensor) {
    return tensor.border > 0 || tensor.zero_frame;
}

std::vector<Life> lives(const Plan &plan) {
    std::vector<Life> result(plan.tensors.size());
    const auto use = [&](TensorId id, size_t step) {
        if (id == kNoTensor) return;
        Life &life = result[size_t(id)];
        life.first = std::min(life.first, step);
        life.last = std::max(life.last, step);
    };
    for (size_t i = 0; i < plan.steps.size(); i++) {
        for (const Argument &argument : plan.steps[i].arguments)
            use(argument.tensor, i);
        use(plan.steps[i].count, i);
    }
    for (size_t i = 0; i < plan.tensors.size(); i++) {
        if (plan.tensors[i].storage == Storage::Kept) result[i].last = plan.steps.size();
    }
    return result;
}

// A stretch of the arena and who lives there.
struct Slot {
    size_t offset, bytes;
    std::vector<size_t> tenants;
};

bool free_for(const Slot &slot, const Life &life, const std::vector<Life> &all) {
    return std::none_of(slot.tenants.begin(), slot.tenants.end(), [&](size_t t) { return all[t].meets(life); });
}

constexpr size_t kHugePage = size_t(2) << 20;

size_t rounded_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

[[noreturn]] void refuse(size_t bytes) {
    throw Error("cannot allocate " + std::to_string(bytes >> 20) + " MiB; use fewer frames or a smaller size");
}

// On huge pages where there is room for one; not zeroed.
unsigned char *allocate(size_t bytes) {
    const size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
    void *memory = std::aligned_alloc(alignment, rounded_up(bytes, alignment));
    if (!memory) refuse(bytes);
    if (bytes >= kHugePage) ::madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<unsigned char *>(memory);
}

// Pages that are zero, from a multiple of a huge page's size.
unsigned char *map_pages(size_t bytes) {
    void *mapped = ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) refuse(bytes);
    unsigned char *begin = static_cast<unsigned char *>(mapped);
    const size_t before =
        rounded_up(reinterpret_cast<uintptr_t>(begin), kHugePage) - reinterpret_cast<uintptr_t>(begin);
    if (before > 0) ::munmap(begin, before);
    if (before < kHugePage) ::munmap(begin + before + bytes, kHugePage - before);
    ::madvise(begin + before, bytes, MADV_HUGEPAGE);
    return begin + before;
}

} // namespace

void FreeBlock::operator()(unsigned char *memory) const {
    mapped > 0 ? void(::munmap(memory, mapped)) : std::free(memory);
}

void AlignedBytes::resize(size_t bytes) {
    memory_.reset();
    bytes_ = bytes;
    if (bytes >= kMappedBytes) {
        const size_t mapped = rounded_up(bytes, kHugePage);
        memory_ = {map_pages(mapped), FreeBlock{mapped}};
        return;
    }
    const size_t rounded = rounded_up(std::max(bytes, size_t(1)), kAlignment);
    memory_ = {allocate(rounded), FreeBlock{}};
    std::memset(memory_.get(), 0, rounded);
}

void AlignedBytes::populate() {
    if (bytes_ < kMappedBytes) return;
    constexpr size_t kPiece = 2 * kHugePage;
    parallel_for((bytes_ + kPiece - 1) / kPiece, [&](size_t piece) {
        const size_t begin = piece * kPiece;
        // Where the system cannot (before Linux 5.14), pages come one by one as they are written to.
        ::madvise(memory_.get() + begin, std::min(bytes_ - begin, kPiece), MADV_POPULATE_WRITE);
    });
}

unsigned char *PieceMemory::take(size_t bytes) {
    constexpr size_t kFirst = size_t(1) << 20, kLargest = size_t(32) << 20;
    const size_t rounded = rounded_up(std::max(bytes, size_t(1)), kAlignment);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (chunk_bytes_ - used_ < rounded) {
        const size_t next = std::clamp(2 * chunk_bytes_, kFirst, kLargest);
        const size_t chunk = rounded_up(std::max(next, rounded), kFirst);
        // Large chunks are no part of the heap, which can then shrink behind them.
        if (chunk >= kHugePage) {
            const size_t mapped = rounded_up(chunk, kHugePage);
            chunks_.push_back({map_pages(mapped), FreeBlock{mapped}});
        } else {
            chunks_.push_back({allocate(chunk), FreeBlock{}});
        }
        chunk_bytes_ = chunk;
        used_ = 0;
    }
    unsigned char *piece = chunks_.back().get() + used_;
    used_ += rounded;
    return piece;
}

void PieceMemory::clear() {
    const std::lock_guard<std::mutex> lock(mutex_);
    chunks_.clear();
    used_ = chunk_bytes_ = 0;
}

std::vector<int> stored_extents(const TensorInfo &tensor) {
    std::vector<int> extents = tensor.extents;
    if (tensor.border > 0) {
        extents[1] += 2 * tensor.border;
        extents[2] += 2 * tensor.border;
    }
    if (tensor.zero_frame) extents.back() += 1;
    return extents;
}

size_t element_bytes(ElementType type) {
    switch (type) {
    case ElementType::UInt8:
        return 1;
    case ElementType::BFloat16:
        return 2;
    case ElementType::Float64:
        return 8;
    case ElementType::Float32:
    case ElementType::Int32:
        break;
    }
    return 4;
}

std::vector<int> stored_strides(const TensorInfo &tensor, const StorageRules &rules) {
    const std::vector<int> extents = stored_extents(tensor);
    std::vector<int> strides;
    int stride = 1;
    for (size_t d = 0; d < extents.size(); d++) {
        if (d == 2 && tensor.border > 0 && rules.aligned_interior) {
            // The interior begins `border` rows and columns behind the tensor.
            const auto before = [&] {
                return size_t(tensor.border) * size_t(stride + strides[1]) * element_bytes(tensor.type);
            };
            while (before() % rules.alignment != 0)
                stride++;
        }
        strides.push_back(stride);
        stride *= extents[d];
    }
    return strides;
}

size_t stored_bytes(const TensorInfo &tensor, const StorageRules &rules) {
    const std::vector<int> extents = stored_extents(tensor);
    double elements = 1;
    for (int extent : extents)
        elements *= extent;
    const auto check = [&](double bytes) {
        if (bytes < double(std::numeric_limits<int>::max())) return;
        throw Error("tensor " + tensor.name + " would take " + std::to_string(bytes / (1 << 30)) +
                    " GiB; at most 2 are supported. Use fewer frames, a smaller batch or a smaller size");
    };
    check(elements * double(element_bytes(tensor.type)));
    if (tensor.border > 0 && rules.aligned_interior) {
        elements = stored_strides(tensor, rules)[2];
        for (size_t d = 2; d < extents.size(); d++)
            elements *= extents[d];
        check(elements * double(element_bytes(tensor.type)));
    }
    return rounded_up(size_t(elements) * element_bytes(tensor.type), rules.alignment);
}

ArenaLayout plan_arena(const Plan &plan, const StorageRules &rules) {
    const std::vector<Life> life = lives(plan);
    ArenaLayout layout;
    layout.offsets.assign(plan.tensors.size(), 0);

    // Tensors with zeroes: whole slots by stored shape, which nothing else enters.
    std::vector<std::pair<std::tuple<std::vector<int>, int, bool>, Slot>> slots;
    for (size_t i = 0; i < plan.tensors.size(); i++) {
        const TensorInfo &tensor = plan.tensors[i];
        if (!in_arena(tensor) || !has_zeroes(tensor)) continue;
        const auto shape = std::make_tuple(stored_extents(tensor), tensor.border, tensor.zero_frame);
        auto slot = std::find_if(slots.begin(), slots.end(), [&](const auto &candidate) {
            return candidate.first == shape && free_for(candidate.second, life[i], life);
        });
        if (slot == slots.end()) {
            slots.push_back({shape, {layout.bytes, stored_bytes(tensor, rules), {}}});
            layout.bytes += slots.back().second.bytes;
            slot = slots.end() - 1;
        }
        slot->second.tenants.push_back(i);
        layout.offsets[i] = slot->second.offset;
    }

    // The others, largest first, each at the lowest offset where no tensor of its time lies.
    std::vector<size_t> order;
    for (size_t i = 0; i < plan.tensors.size(); i++) {
        if (in_arena(plan.tensors[i]) && !has_zeroes(plan.tensors[i])) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return stored_bytes(plan.tensors[a], rules) > stored_bytes(plan.tensors[b], rules);
    });
    const size_t base = layout.bytes;
    std::vector<Slot> placed;
    for (size_t i : order) {
        const size_t bytes = stored_bytes(plan.tensors[i], rules);
        size_t offset = base;
        for (const Slot &slot : placed) { // sorted by offset
            if (free_for(slot, life[i], life)) continue;
            if (slot.offset >= offset + bytes) break;
            offset = std::max(offset, slot.offset + slot.bytes);
        }
        const auto place =
            std::find_if(placed.begin(), placed.end(), [&](const Slot &slot) { return slot.offset > offset; });
        placed.insert(place, {offset, bytes, {i}});
        layout.offsets[i] = offset;
        layout.bytes = std::max(layout.bytes, offset + bytes);
    }
    return layout;
}

} // namespace afnet
