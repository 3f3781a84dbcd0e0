#include "model/recipe.h"

#include <cmath>

#include "runtime/error.h"

namespace afnet {

namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15; // 2^64 divided by the golden ratio: splitmix64's increment
constexpr int kColours = 3;

/// The finaliser of splitmix64: a bijection that spreads every input bit over all output bits.
uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

uint64_t element_count(const std::vector<int64_t> &shape) {
    uint64_t count = 1;
    for (int64_t extent : shape)
        count *= static_cast<uint64_t>(extent);
    return count;
}

/// The value that a parameter takes from u in [0, 1). Written, as in the recipe, around the centre of the range:
/// another order of operations rounds a few elements to the neighbouring float.
using Distribution = double (*)(double u, double bound);

Distribution distribution_of(const std::string &key, size_t dimensions) {
    const std::string kind = key.substr(key.rfind('.') + 1);
    if (kind == "weight" && dimensions >= 2) return [](double u, double bound) { return (2.0 * u - 1.0) * bound; };
    if (kind == "weight" && dimensions == 1) return [](double u, double) { return 0.5 + 0.5 * u; };
    if (kind == "bias") return [](double u, double) { return 0.4 * (u - 0.5); };
    if (kind == "running_mean") return [](double u, double) { return 0.2 * (u - 0.5); };
    if (kind == "running_var") return [](double u, double) { return 0.5 + u; };
    if (kind == "num_batches_tracked") return [](double, double) { return 0.0; };
    throw Error("recipe: " + key + " is not a weight, bias or running statistic; its name says no distribution");
}

/// A colour plane of a frame is a sine wave of the position; this holds what is constant over the plane.
struct Wave {
    double amplitude;
    double cosine, sine; // of the direction that the wave runs in
    double frequency;    // radians per pixel of a picture 32 wide
    double phase;

    double at(int x, int y, int width) const {
        return amplitude * std::sin(frequency * (x * cosine + y * sine) * 32.0 / width + phase);
    }
};

Wave wave_of(int b, int t, int c, uint64_t seed) {
    const double angle = 0.9 * c + 0.37 * t + 0.5 * b + 0.1 * static_cast<double>(seed);
    const uint64_t level = (5 * static_cast<uint64_t>(t) + 3 * static_cast<uint64_t>(b) + seed) % 7;
    return {0.4 + 0.15 * static_cast<double>(level), std::cos(angle), std::sin(angle), 0.35 * (1.0 + 0.3 * t), 0.8 * t};
}

std::vector<float> uniform_stream(const std::string &name, size_t count, uint64_t seed) {
    const uint64_t hash = fnv1a64(name);
    std::vector<float> uniforms(count);
    for (size_t i = 0; i < count; i++)
        uniforms[i] = static_cast<float>(recipe_uniform(hash, seed, i));
    return uniforms;
}

} // namespace

uint64_t fnv1a64(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

double recipe_uniform(uint64_t name_hash, uint64_t seed, uint64_t i) {
    const uint64_t z = mix(name_hash + seed * kGolden + (i + 1) * kGolden);
    return static_cast<double>(z >> 40) / static_cast<double>(1 << 24);
}

std::vector<float> recipe_parameter(const std::string &key, const std::vector<int64_t> &shape, uint64_t seed,
                                    double gain) {
    const Distribution distribution = distribution_of(key, shape.size());
    const uint64_t name = fnv1a64(key), count = element_count(shape);
    const double fan_in = shape.empty() ? 1.0 : static_cast<double>(count) / static_cast<double>(shape[0]);
    const double bound = gain * std::sqrt(6.0 / fan_in);
    std::vector<float> values(count);
    for (uint64_t i = 0; i < count; i++)
        values[i] = static_cast<float>(distribution(recipe_uniform(name, seed, i), bound));
    return values;
}

std::vector<float> recipe_video(int batch, int frames, int height, int width, uint64_t seed) {
    const uint64_t name = fnv1a64("video");
    std::vector<float> video;
    video.reserve(static_cast<size_t>(batch) * frames * kColours * height * width);
    for (int plane = 0; plane < batch * frames * kColours; plane++) {
        const int c = plane % kColours, t = plane / kColours % frames, b = plane / kColours / frames;
        const Wave wave = wave_of(b, t, c, seed);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                const double noise = 0.5 * (recipe_uniform(name, seed, video.size()) - 0.5);
                video.push_back(static_cast<float>(wave.at(x, y, width) + noise));
            }
        }
    }
    return video;
}

void for_each_recipe_frame(int batch, int frames, int height, int width, uint64_t seed,
                           const std::function<void(int, const float *)> &take) {
    const std::vector<float> video = recipe_video(batch, frames, height, width, seed);
    const size_t plane = size_t(width) * size_t(height);
    std::vector<float> frame(3 * plane);
    for (int f = 0; f < batch * frames; f++) {
        const float *planes = &video[size_t(f) * 3 * plane];
        for (size_t i = 0; i < plane; i++) {
            for (size_t c = 0; c < 3; c++) frame[3 * i + c] = planes[c * plane + i];
        }
        take(f, frame.data());
    }
}

std::vector<float> recipe_gumbel_uniform(int k, size_t count, uint64_t seed) {
    return uniform_stream("gumbel." + std::to_string(k), count, seed);
}

std::vector<float> recipe_patch_gumbel_uniform(int k, size_t count, uint64_t seed) {
    return uniform_stream("gumbel.patches." + std::to_string(k), count, seed);
}

} // namespace afnet
