// Scratch memory: blocks come back, aligned and as large as asked for, and do not pile up.
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>

#include "runtime/scratch_memory.h"

using namespace afnet;

TEST_CASE("scratch memory is aligned and distinct while in use", "[scratch_memory]") {
    std::vector<std::pair<unsigned char *, size_t>> blocks;
    for (size_t bytes : {size_t(1), size_t(127), size_t(128), size_t(129), size_t(1) << 20}) {
        for (int twice = 0; twice < 2; twice++) {
            auto *memory = static_cast<unsigned char *>(scratch_allocate(bytes));
            REQUIRE(memory != nullptr);
            CHECK(reinterpret_cast<uintptr_t>(memory) % 128 == 0);
            std::memset(memory, int(blocks.size()), bytes);
            blocks.push_back({memory, bytes});
        }
    }
    for (size_t i = 0; i < blocks.size(); i++) {
        CHECK(blocks[i].first[0] == i);
        CHECK(blocks[i].first[blocks[i].second - 1] == i);
        scratch_release(blocks[i].first);
    }
}

TEST_CASE("scratch memory is handed out again", "[scratch_memory]") {
    std::thread([] {
        void *first = scratch_allocate(1 << 20);
        scratch_release(first);
        CHECK(scratch_kept_bytes() >= size_t(1) << 20);
        CHECK(scratch_allocate(1 << 20) == first);
        CHECK(scratch_kept_bytes() == 0);
        scratch_release(first);
        // A much smaller block does not take a large one's place.
        void *small = scratch_allocate(64);
        CHECK(small != first);
        scratch_release(small);
    }).join();
}

TEST_CASE("a thread keeps a bounded amount of scratch memory", "[scratch_memory]") {
    std::thread([] {
        std::vector<void *> blocks;
        for (size_t i = 0; i < 10; i++)
            blocks.push_back(scratch_allocate(kKeptBytes / 4));
        for (void *memory : blocks)
            scratch_release(memory);
        CHECK(scratch_kept_bytes() <= kKeptBytes);
        CHECK(scratch_kept_bytes() >= kKeptBytes / 2);
        void *huge = scratch_allocate(2 * kKeptBytes);
        REQUIRE(huge != nullptr);
        scratch_release(huge);
        CHECK(scratch_kept_bytes() <= kKeptBytes);
    }).join();
}

TEST_CASE("scratch memory that cannot be had is refused", "[scratch_memory]") {
    CHECK(scratch_allocate(std::numeric_limits<size_t>::max() - 8) == nullptr);
    scratch_release(nullptr);
}
