#include "model/patch_shape.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/random_use.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// The lower a patch's rank, the sooner it is taken. Whatever these shapes make of them, as many words are drawn.
std::vector<double> patch_ranks(PatchShape shape, int grid, CounterRandom &random) {
    const double x0 = random.below(uint32_t(grid)), y0 = random.below(uint32_t(grid)), middle = (grid - 1) / 2.0;
    std::vector<double> ranks;
    for (int y = 0; y < grid; y++) {
        for (int x = 0; x < grid; x++) {
            const double u = random.uniform();
            switch (shape) {
            case PatchShape::Random:
                ranks.push_back(u);
                break;
            case PatchShape::Blob:
                ranks.push_back(std::hypot(x - x0, y - y0));
                break;
            case PatchShape::Centre:
                ranks.push_back(std::hypot(x - middle, y - middle));
                break;
            default:
                ranks.push_back(std::min(std::min(x, y), grid - 1 - std::max(x, y)));
            }
        }
    }
    return ranks;
}

std::vector<int> ranked_patches(PatchShape shape, int grid, int count, CounterRandom &random) {
    const std::vector<double> ranks = patch_ranks(shape, grid, random);
    std::vector<size_t> order(ranks.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ranks[a] < ranks[b]; });
    std::vector<int> frame(ranks.size(), 0);
    for (int i = 0; i < count; i++)
        frame[order[size_t(i)]] = 1;
    return frame;
}

std::vector<int> window_of_patches(int grid, int side, CounterRandom &random) {
    const uint32_t places = uint32_t(grid - side + 1);
    const int left = int(random.below(places)), top = int(random.below(places));
    std::vector<int> frame(size_t(grid) * size_t(grid), 0);
    for (int y = top; y < top + side; y++)
        std::fill_n(frame.begin() + long(y) * grid + left, side, 1);
    return frame;
}

bool takes_ratio(PatchShape shape) {
    return shape != PatchShape::All && shape != PatchShape::None;
}

} // namespace

const std::vector<std::string> &patch_shape_names() {
    static const std::vector<std::string> names = {"random", "blob", "crop", "border", "centre", "all", "none"};
    return names;
}

std::vector<std::string> ratio_shape_names() {
    std::vector<std::string> names;
    for (const std::string &name : patch_shape_names()) {
        if (takes_ratio(patch_shape_named(name))) names.push_back(name);
    }
    return names;
}

PatchShape patch_shape_named(const std::string &name) {
    const auto &names = patch_shape_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
        throw UsageError("no masks in space are called " + printable(name) + "; there are " + join(names));
    }
    return PatchShape(found - names.begin());
}

int selected_patches(double rs, int grid) {
    return int(std::lround(std::clamp(rs, 0.0, 1.0) * grid * grid));
}

int window_side(double rs, int grid) {
    const double wanted = std::clamp(rs, 0.0, 1.0) * grid * grid;
    int side = 0;
    while (side < grid && std::abs((side + 1) * (side + 1) - wanted) <= std::abs(side * side - wanted))
        side++;
    return side;
}

double realised_patches(PatchShape shape, int grid, double rs) {
    if (!takes_ratio(shape)) return shape == PatchShape::All ? 1 : 0;
    if (shape != PatchShape::Crop) return double(selected_patches(rs, grid)) / (grid * grid);
    const int side = window_side(rs, grid);
    return double(side * side) / (grid * grid);
}

std::vector<int> patch_mask(PatchShape shape, int grid, int frames, double rs, const MaskKey &key, size_t block) {
    const size_t patches = size_t(grid) * size_t(grid);
    std::vector<int> mask(patches * size_t(frames), 0);
    const int count = int(std::lround(realised_patches(shape, grid, rs) * double(patches)));
    for (int f = 0; f < frames; f++) {
        RandomStream stream;
        stream.purpose = kPatchShapeDraw;
        stream.epoch = key.epoch;
        stream.sample = key.sample;
        stream.layer = uint32_t(block);
        stream.frame = uint32_t(f);
        CounterRandom random(key.seed, stream);
        const std::vector<int> frame = shape == PatchShape::Crop
                                           ? window_of_patches(grid, window_side(rs, grid), random)
                                           : ranked_patches(shape, grid, count, random);
        std::copy(frame.begin(), frame.end(), mask.begin() + long(size_t(f) * patches));
    }
    return mask;
}

} // namespace afnet
