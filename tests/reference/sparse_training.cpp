#include "tests/reference/sparse_training.h"

#include <algorithm>

namespace afnet::reference {

namespace {

size_t frame_size(const Tensor4 &tensor) {
    return size_t(tensor.c) * size_t(tensor.x) * size_t(tensor.y);
}

} // namespace

Tensor4 compact(const Tensor4 &tensor, const std::vector<double> &mask) {
    require(mask.size() == size_t(tensor.f), "a mask of all frames");
    Tensor4 result(tensor.c, tensor.x, tensor.y, 0);
    for (size_t f = 0; f < mask.size(); f++) {
        if (mask[f] == 0) continue;
        const auto begin = tensor.data.begin() + long(f * frame_size(tensor));
        result.data.insert(result.data.end(), begin, begin + long(frame_size(tensor)));
        result.f++;
    }
    return result;
}

Tensor4 spread(const Tensor4 &compact, const std::vector<double> &mask) {
    Tensor4 result(compact.c, compact.x, compact.y, int(mask.size()));
    size_t from = 0;
    for (size_t f = 0; f < mask.size(); f++) {
        if (mask[f] == 0) continue;
        std::copy_n(compact.data.begin() + long(from++ * frame_size(compact)), frame_size(compact),
                    result.data.begin() + long(f * frame_size(compact)));
    }
    require(from == size_t(compact.f), "as many frames as the mask selects");
    return result;
}

std::vector<double> mask_gradient(const std::vector<double> &worth, const std::vector<double> &mask, int clip_frames,
                                  double share) {
    std::vector<double> result(mask.size());
    for (size_t f = 0, s = 0; f < mask.size(); f++) {
        if (mask[f] != 0) result[f] = worth[s++];
    }
    const std::vector<double> exact = result;
    const size_t length = size_t(clip_frames);
    for (size_t f = 0; f < mask.size(); f++) {
        if (mask[f] != 0) continue;
        double sum = 0, count = 0;
        for (size_t g = f / length * length; g < (f / length + 1) * length; g++) {
            sum += exact[g];
            count += mask[g] != 0;
        }
        result[f] = count > 0 ? share * sum / count : 0;
    }
    return result;
}

} // namespace afnet::reference
