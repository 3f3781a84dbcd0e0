// Counter-based random numbers: the published vectors, what separates streams, and the distributions.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include "runtime/counter_random.h"
#include "runtime/error.h"

using namespace afnet;
using Catch::Matchers::Contains;

namespace {

struct Moments {
    double mean = 0, variance = 0, least = 1e300, most = -1e300;
};

Moments moments(int count, const std::function<double()> &draw) {
    double sum = 0, squares = 0;
    Moments result;
    for (int i = 0; i < count; ++i) {
        const double x = draw();
        sum += x;
        squares += x * x;
        result.least = std::min(result.least, x);
        result.most = std::max(result.most, x);
    }
    result.mean = sum / count;
    result.variance = squares / count - result.mean * result.mean;
    return result;
}

} // namespace

TEST_CASE("Philox4x32-10 gives the published answers", "[counter_random]") {
    // kat_vectors of Random123, the authors' library.
    CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream is the blocks of its counter", "[counter_random]") {
    const uint64_t seed = 0x0123456789abcdefu;
    CounterRandom random(seed, {7, 0x010203, 99, 0x1234, 0x5678});
    for (uint32_t block = 0; block < 3; ++block) {
        const PhiloxBlock expected =
            philox4x32({block, 99, 0x07010203, 0x12345678}, {uint32_t(seed), uint32_t(seed >> 32)});
        for (const uint32_t word : expected)
            CHECK(random.word() == word);
    }
    CHECK(random.position() == 12);
}

TEST_CASE("every part of a stream's name, and the seed, makes another stream", "[counter_random]") {
    std::set<uint32_t> first;
    const std::vector<RandomStream> streams = {{},
                                               {1, 0, 0, 0, 0},
                                               {0, 1, 0, 0, 0},
                                               {0, 0, 1, 0, 0},
                                               {0, 0, 0, 1, 0},
                                               {0, 0, 0, 0, 1},
                                               {255, 0xffffff, 0xffffffff, 0xffff, 0xffff}};
    for (const RandomStream &stream : streams) {
        for (const uint64_t seed : {uint64_t(0), uint64_t(1), uint64_t(1) << 32})
            first.insert(CounterRandom(seed, stream).word());
    }
    CHECK(first.size() == 3 * streams.size());
    CHECK_THROWS_WITH(CounterRandom(1, {0, 1 << 24, 0, 0, 0}), Contains("epoch 16777216 does not fit"));
    CHECK_THROWS_WITH(CounterRandom(1, {0, 0, 0, 1 << 16, 0}), Contains("layer 65536 does not fit"));
    CHECK_THROWS_WITH(CounterRandom(1, {0, 0, 0, 0, 1 << 16}), Contains("frame 65536 does not fit"));
}

TEST_CASE("a stream can be read from any place", "[counter_random]") {
    const RandomStream stream{3, 1, 4, 1, 5};
    CounterRandom whole(9, stream);
    std::vector<uint32_t> words;
    for (int i = 0; i < 23; ++i)
        words.push_back(whole.word());
    for (const size_t place : {0u, 1u, 3u, 4u, 17u, 22u, 2u}) {
        CounterRandom random(9, stream);
        random.word();
        random.seek(place);
        CHECK(random.word() == words[place]);
    }
    CounterRandom copy = whole;
    CHECK(copy.word() == whole.word());
    CounterRandom last(9, stream);
    last.seek((uint64_t(1) << 34) - 1);
    CHECK_NOTHROW(last.word());
    CHECK_THROWS_WITH(last.word(), Contains("2^34"));
}

TEST_CASE("uniform numbers", "[counter_random]") {
    CounterRandom random(1, {});
    constexpr int kCount = 1 << 20;
    std::vector<int> cells(16);
    int inexact = 0;
    const Moments m = moments(kCount, [&] {
        const double x = random.uniform();
        inexact += x != double(float(x));
        cells[size_t(x * 16)]++;
        return x;
    });
    CHECK(inexact == 0);
    CHECK(random.position() == kCount);
    CHECK(m.least >= 0);
    CHECK(m.most < 1);
    CHECK(std::abs(m.mean - .5) < 5 * std::sqrt(1. / 12 / kCount));
    CHECK(std::abs(m.variance - 1. / 12) < 5e-4);
    for (const int count : cells)
        CHECK(std::abs(count - kCount / 16) < 5 * std::sqrt(kCount / 16.));
    const Moments shifted = moments(1000, [&] { return random.uniform(-3, 5); });
    CHECK(shifted.least >= -3);
    CHECK(shifted.least < -2.9);
    CHECK(shifted.most < 5);
    CHECK(shifted.most > 4.9);
}

TEST_CASE("whole numbers below n are equally likely", "[counter_random]") {
    CounterRandom random(2, {});
    for (const uint32_t n : {1u, 2u, 3u, 7u, 28u}) {
        std::vector<int> counts(n);
        const int count = 20000 * int(n);
        for (int i = 0; i < count; ++i)
            counts.at(random.below(n))++;
        for (const int each : counts)
            CHECK(std::abs(each - 20000) <= 5 * std::sqrt(20000.));
    }
    // A remainder without rejection gives the first third of 3 * 2^30 twice its share.
    std::vector<int> thirds(3);
    for (int i = 0; i < 30000; ++i)
        thirds[random.below(3u << 30) >> 30]++;
    for (const int each : thirds)
        CHECK(std::abs(each - 10000) < 500);
    // Lemire's method without rejection does so with one residue of 3.
    int of_residue = 0;
    for (int i = 0; i < 30000; ++i)
        of_residue += random.below(3u << 30) % 3 == 0;
    CHECK(std::abs(of_residue - 10000) < 500);
    CHECK_THROWS_AS(random.below(0), Error);
}

TEST_CASE("normal numbers", "[counter_random]") {
    CounterRandom random(3, {});
    constexpr int kCount = 200000;
    double product = 0;
    int within_one = 0, beyond_three = 0;
    const Moments m = moments(kCount, [&] {
        const auto [a, b] = random.normal_pair();
        product += a * b;
        within_one += std::abs(b) < 1;
        beyond_three += std::abs(a) > 3;
        return (a + b) / std::sqrt(2);
    });
    CHECK(random.position() == 2 * kCount);
    CHECK(std::abs(m.mean) < 5 / std::sqrt(kCount));
    CHECK(std::abs(m.variance - 1) < 5 * std::sqrt(2. / kCount));
    CHECK(std::abs(product / kCount) < 5 / std::sqrt(kCount));
    CHECK(std::abs(double(within_one) / kCount - .682689) < .006);
    CHECK(std::abs(double(beyond_three) / kCount - .0026998) < .0006);
    CounterRandom one(4, {}), two(4, {});
    CHECK(one.normal() == two.normal_pair().first);
    CHECK(one.position() == two.position());
}

TEST_CASE("Gumbel noise draws from the softmax", "[counter_random]") {
    CounterRandom random(5, {});
    constexpr int kCount = 200000;
    const Moments m = moments(kCount, [&] { return random.gumbel(); });
    constexpr double kPi = 3.14159265358979;
    CHECK(std::abs(m.mean - .5772157) < 5 * 1.2825 / std::sqrt(kCount));
    CHECK(std::abs(m.variance - kPi * kPi / 6) < .03);
    int chosen = 0;
    const double logits[] = {.3, -.7};
    for (int i = 0; i < kCount; ++i) {
        const double a = logits[0] + random.gumbel();
        chosen += a > logits[1] + random.gumbel();
    }
    CHECK(std::abs(double(chosen) / kCount - 1 / (1 + std::exp(-1.))) < .006);
}
