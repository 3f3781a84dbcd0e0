#include "runtime/scratch_memory.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace afnet {

namespace {

constexpr size_t kAlignment = 128; // Halide's promise to vector code

// In front of every block: how much memory follows.
struct Header {
    size_t bytes;
};
static_assert(sizeof(Header) <= kAlignment, "the header fits in front of aligned memory");

Header *header_of(void *memory) {
    return reinterpret_cast<Header *>(static_cast<unsigned char *>(memory) - kAlignment);
}

// Blocks of one thread, most recently used last. A task asks for the same few sizes again and again.
class FreeBlocks {
public:
    ~FreeBlocks() {
        for (void *memory : blocks_)
            std::free(header_of(memory));
    }

    void *take(size_t bytes) {
        for (size_t i = blocks_.size(); i-- > 0;) {
            const size_t has = header_of(blocks_[i])->bytes;
            if (has < bytes || has > 2 * bytes + kAlignment) continue;
            void *memory = blocks_[i];
            blocks_.erase(blocks_.begin() + long(i));
            kept_ -= has;
            return memory;
        }
        return nullptr;
    }

    bool keep(void *memory) {
        const size_t bytes = header_of(memory)->bytes;
        if (bytes > kKeptBytes) return false;
        // The oldest go first: sizes of a kernel that has ended.
        while (kept_ + bytes > kKeptBytes) {
            kept_ -= header_of(blocks_.front())->bytes;
            std::free(header_of(blocks_.front()));
            blocks_.erase(blocks_.begin());
        }
        blocks_.push_back(memory);
        kept_ += bytes;
        return true;
    }

    size_t kept() const { return kept_; }

private:
    std::vector<void *> blocks_;
    size_t kept_ = 0;
};

thread_local FreeBlocks free_blocks;

} // namespace

void *scratch_allocate(size_t bytes) {
    if (void *memory = free_blocks.take(bytes)) return memory;
    const size_t whole = (bytes + 2 * kAlignment - 1) / kAlignment * kAlignment;
    if (whole < bytes) return nullptr;
    auto *header = static_cast<Header *>(std::aligned_alloc(kAlignment, whole));
    if (!header) return nullptr;
    header->bytes = whole - kAlignment;
    return reinterpret_cast<unsigned char *>(header) + kAlignment;
}

void scratch_release(void *memory) {
    if (!memory || free_blocks.keep(memory)) return;
    std::free(header_of(memory));
}

size_t scratch_kept_bytes() {
    return free_blocks.kept();
}

} // namespace afnet
