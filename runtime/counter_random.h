// Random numbers without a hidden state: each is a function of a seed, of what it is drawn for, and of its place in
// that stream. So a draw does not depend on what else was drawn, on the number of threads, or on where a run was
// resumed.
//
// The function is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011): a
// bijection of 128-bit counters for every 64-bit key. The key is the seed. The counter names the stream and the block:
//
//     word 0   number of the block, four words each
//     word 1   sample
//     word 2   purpose (8 bits), epoch (24 bits)
//     word 3   layer (16 bits), frame (16 bits)
//
// Different streams of a seed have different counters, so that they share no block.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

namespace afnet {

using PhiloxBlock = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

/// The ten rounds of Philox4x32.
PhiloxBlock philox4x32(PhiloxBlock counter, PhiloxKey key);

/// What numbers are drawn for. A part that a purpose has no use for stays 0.
struct RandomStream {
    uint8_t purpose = 0; // from a list that its users share, so that no two of them have one number
    uint32_t epoch = 0;  // below 2^24
    uint32_t sample = 0; // clip
    uint32_t layer = 0;  // below 2^16
    uint32_t frame = 0;  // below 2^16
};

/// Reads a stream from its beginning. Its position is all that changes; copies go on independently.
class CounterRandom {
public:
    /// Throws Error when a part of `stream` is too large.
    CounterRandom(uint64_t seed, const RandomStream &stream);

    /// The next 32 bits. Throws Error at the end of the stream, after 2^34 words.
    uint32_t word();
    /// In [0, 1): a multiple of 2^-24, exact in float as well. Takes one word.
    double uniform();
    /// In [low, high): low + (high - low) * uniform(). Takes one word.
    double uniform(double low, double high);
    /// In (0, 1), symmetric about 1/2: an odd multiple of 2^-33. Takes one word.
    double open_uniform();
    /// One of 0 to n - 1, each exactly as likely as the others (Lemire's rejection). Takes one word, seldom more.
    /// Throws Error for n = 0.
    uint32_t below(uint32_t n);
    /// Two independent numbers of mean 0 and variance 1, within 6.8 (Box and Muller). Takes two words.
    std::pair<double, double> normal_pair();
    /// The first of normal_pair(). Takes two words; the second is forgotten rather than kept as a state.
    double normal();
    /// Standard Gumbel noise, -log(-log u) with u from open_uniform(): adding it to logits and taking the largest draws
    /// from their softmax. Takes one word.
    double gumbel();

    /// How many words were taken, and going on from another place of the stream.
    uint64_t position() const { return position_; }
    void seek(uint64_t position) { position_ = position; }

private:
    PhiloxKey key_;
    PhiloxBlock counter_;
    uint64_t position_ = 0;
    uint64_t held_ = ~uint64_t(0); // number of the block in `block_`, which follows from key and counter
    PhiloxBlock block_{};
};

} // namespace afnet
