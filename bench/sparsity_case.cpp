// What follows from the measured points of one case.
#include <algorithm>

#include "bench/sparsity_bench.h"

namespace afnet {

std::string SparsityCase::title() const {
    const std::string side = std::to_string(size);
    return model + ", " + std::to_string(frames) + " frames of " + side + "x" + side + ", batch " +
           std::to_string(batch) + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads") +
           (dtype == "f32" ? "" : ", " + dtype);
}

std::vector<std::string> SparsityCase::masks() const {
    std::vector<std::string> names;
    for (const SparsityPoint &point : points) {
        if (std::find(names.begin(), names.end(), point.mask) == names.end()) names.push_back(point.mask);
    }
    return names;
}

std::vector<SparsityPoint> SparsityCase::points_of(const std::string &mask) const {
    std::vector<SparsityPoint> result;
    std::copy_if(points.begin(), points.end(), std::back_inserter(result),
                 [&](const SparsityPoint &point) { return point.mask == mask; });
    return result;
}

double SparsityCase::full_ratio_overhead(const std::string &mask) const {
    for (const SparsityPoint &point : points) {
        if (point.mask == mask && point.rt == 1) return point.ms.median / dense_ms.median - 1;
    }
    return 0;
}

std::optional<double> SparsityCase::break_even(const std::string &mask) const {
    std::vector<RatioTime> times;
    for (const SparsityPoint &point : points_of(mask)) times.push_back({point.realised_rt, point.ms.median});
    return break_even_ratio(times, dense_ms.median);
}

}  // namespace afnet
