#include "model/augmentation.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace afnet {

std::vector<std::pair<int, int>> crop_sizes(const EvaluationCrop &frame) {
    constexpr double kScales[] = {1, .875, .75, .66};
    const int base = std::min(frame.width, frame.height);
    std::vector<int> sizes;
    for (const double scale : kScales) {
        const int size = std::max(1, int(base * scale));
        sizes.push_back(std::abs(size - frame.size) < 3 ? std::min(frame.size, base) : size);
    }
    std::vector<std::pair<int, int>> pairs;
    for (int h = 0; h < int(sizes.size()); ++h) {
        for (int w = 0; w < int(sizes.size()); ++w) {
            if (std::abs(h - w) <= 1) pairs.emplace_back(sizes[size_t(w)], sizes[size_t(h)]);
        }
    }
    return pairs;
}

std::vector<std::pair<int, int>> crop_places(const EvaluationCrop &frame, int width, int height) {
    const int x = (frame.width - width) / 4, y = (frame.height - height) / 4;
    return {
        {0, 0},         {4 * x, 0},     {0, 4 * y},     {4 * x, 4 * y}, // corners
        {2 * x, 2 * y},                                                 // centre
        {0, 2 * y},     {4 * x, 2 * y}, {2 * x, 4 * y}, {2 * x, 0},     // edges
        {x, y},         {3 * x, y},     {x, 3 * y},     {3 * x, 3 * y}, // quarters
    };
}

CropBox draw_crop(const EvaluationCrop &frame, const AugmentationRule &rule, CounterRandom &random) {
    CropBox box = {frame.size, frame.size, frame.left, frame.top, false};
    if (rule.multi_scale) {
        const auto sizes = crop_sizes(frame);
        std::tie(box.width, box.height) = sizes[random.below(uint32_t(sizes.size()))];
        const auto places = crop_places(frame, box.width, box.height);
        std::tie(box.left, box.top) = places[random.below(uint32_t(places.size()))];
    }
    box.flip = rule.flip && random.below(2) == 1;
    return box;
}

} // namespace afnet
