#include "runtime/counter_random.h"

#include <cmath>
#include <string>

#include "runtime/error.h"

namespace afnet {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr uint64_t kBlocks = uint64_t(1) << 32;

uint32_t checked(uint32_t value, int bits, const char *name) {
    if (value >> bits == 0) return value;
    throw Error(std::string("random stream: ") + name + " " + std::to_string(value) + " does not fit; below " +
                std::to_string(uint32_t(1) << bits) + " expected");
}

} // namespace

PhiloxBlock philox4x32(PhiloxBlock counter, PhiloxKey key) {
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = uint64_t(0xD2511F53) * counter[0];
        const uint64_t b = uint64_t(0xCD9E8D57) * counter[2];
        counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1],
                   uint32_t(a)};
        key[0] += 0x9E3779B9;
        key[1] += 0xBB67AE85;
    }
    return counter;
}

CounterRandom::CounterRandom(uint64_t seed, const RandomStream &stream)
    : key_{uint32_t(seed), uint32_t(seed >> 32)}, counter_{0, stream.sample,
                                                           uint32_t(stream.purpose) << 24 |
                                                               checked(stream.epoch, 24, "epoch"),
                                                           checked(stream.layer, 16, "layer") << 16 |
                                                               checked(stream.frame, 16, "frame")} {}

uint32_t CounterRandom::word() {
    const uint64_t block = position_ / 4;
    if (block != held_) {
        if (block >= kBlocks) throw Error("random stream: 2^34 numbers were drawn, and there are no more");
        counter_[0] = uint32_t(block);
        block_ = philox4x32(counter_, key_);
        held_ = block;
    }
    return block_[position_++ % 4];
}

double CounterRandom::uniform() {
    return (word() >> 8) * 0x1p-24;
}

double CounterRandom::uniform(double low, double high) {
    return low + (high - low) * uniform();
}

double CounterRandom::open_uniform() {
    return (word() + 0.5) * 0x1p-32;
}

uint32_t CounterRandom::below(uint32_t n) {
    if (n == 0) throw Error("random stream: a whole number below 0 was asked for; below at least 1 expected");
    // The high half of word * n. Of the 2^32 words the first 2^32 mod n, counted in the low half, are one too many.
    const uint32_t surplus = (0u - n) % n;
    for (;;) {
        const uint64_t product = uint64_t(word()) * n;
        if (uint32_t(product) >= surplus) return uint32_t(product >> 32);
    }
}

std::pair<double, double> CounterRandom::normal_pair() {
    const double radius = std::sqrt(-2.0 * std::log(open_uniform()));
    const double angle = 2.0 * kPi * open_uniform();
    return {radius * std::cos(angle), radius * std::sin(angle)};
}

double CounterRandom::normal() {
    return normal_pair().first;
}

double CounterRandom::gumbel() {
    return -std::log(-std::log(open_uniform()));
}

} // namespace afnet
