// Blocks of memory: where they lie, what is in them, who shares them.
#include "runtime/arena.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/parallel_for.h"

using namespace afnet;

namespace {

bool all_zero(const AlignedBytes &block) {
    return std::all_of(block.data(), block.data() + block.size(), [](unsigned char byte) { return byte == 0; });
}

} // namespace

TEST_CASE("a block is zero, aligned and as large as asked for, however often it is resized", "[arena]") {
    const size_t mapped = AlignedBytes::kMappedBytes, huge = size_t(2) << 20;
    AlignedBytes block;
    for (const size_t bytes :
         {size_t(1), size_t(100), huge - 1, huge + 1, mapped - 1, mapped, mapped + 12345, size_t(64)}) {
        for (const bool populated : {false, true}) {
            INFO(bytes);
            block.resize(bytes);
            if (populated) block.populate();
            REQUIRE(block.size() == bytes);
            CHECK(reinterpret_cast<uintptr_t>(block.data()) % (bytes >= huge ? huge : kAlignment) == 0);
            CHECK(all_zero(block));
            std::memset(block.data(), 0xa5, bytes);
        }
    }
}

TEST_CASE("populating a block changes nothing in it", "[arena]") {
    AlignedBytes block;
    block.resize(AlignedBytes::kMappedBytes + 5);
    std::memset(block.data(), 0x5a, block.size());
    block.populate();
    CHECK(std::all_of(block.data(), block.data() + block.size(), [](unsigned char byte) { return byte == 0x5a; }));
}

TEST_CASE("pieces are aligned and none overlaps another, whichever threads take them", "[arena]") {
    PieceMemory memory;
    std::vector<std::pair<unsigned char *, size_t>> pieces(400);
    parallel_for(pieces.size(), [&](size_t i) {
        const size_t bytes = i % 100 == 7 ? size_t(3) << 20 : i == 250 ? size_t(40) << 20 : 1 + i * 977;
        pieces[i] = {memory.take(bytes), bytes};
        std::memset(pieces[i].first, int(i), bytes);
    });
    for (size_t i = 0; i < pieces.size(); i++) {
        INFO(i);
        const auto [begin, bytes] = pieces[i];
        CHECK(reinterpret_cast<uintptr_t>(begin) % kAlignment == 0);
        CHECK(std::all_of(begin, begin + bytes,
                          [i](unsigned char byte) { return byte == static_cast<unsigned char>(i); }));
    }
    std::sort(pieces.begin(), pieces.end());
    for (size_t i = 1; i < pieces.size(); i++)
        CHECK(pieces[i - 1].first + pieces[i - 1].second <= pieces[i].first);
}

TEST_CASE("with aligned interiors rows lie no further apart than they must", "[arena]") {
    for (const size_t alignment : {size_t(64), size_t(128), size_t(512)}) {
        for (const int channels : {1, 3, 16, 24, 64, 100}) {
            for (const int border : {1, 2, 3}) {
                for (const ElementType type : {ElementType::Float32, ElementType::BFloat16}) {
                    TensorInfo tensor;
                    tensor.type = type;
                    tensor.extents = {channels, 7, 5, 3};
                    tensor.border = border;
                    INFO(alignment << " " << channels << " " << border);
                    const std::vector<int> dense = stored_strides(tensor);
                    const int width = 7 + 2 * border, height = 5 + 2 * border;
                    CHECK(dense == std::vector<int>{1, channels, channels * width, channels * width * height});
                    const StorageRules rules{alignment, true};
                    const std::vector<int> apart = stored_strides(tensor, rules);
                    const size_t bytes = element_bytes(type);
                    CHECK(size_t(border) * size_t(apart[1] + apart[2]) * bytes % alignment == 0);
                    CHECK(apart[1] == channels);
                    CHECK(apart[2] >= dense[2]);
                    CHECK(size_t(apart[2] - dense[2]) * bytes < alignment);
                    CHECK(apart[3] == apart[2] * height);
                    CHECK(stored_bytes(tensor, rules) >= size_t(apart[3]) * 3 * bytes);
                    CHECK(stored_bytes(tensor, rules) % alignment == 0);
                }
            }
        }
    }
}
