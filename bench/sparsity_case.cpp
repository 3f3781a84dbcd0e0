// What follows from the measured points of one case.
#include <algorithm>

#include "bench/sparsity_bench.h"
#include "model/text_table.h"

namespace afnet {

std::string SparsitySeries::title() const {
    if (!spatial()) return mask;
    const std::string side = std::to_string(grid);
    return mask + ", RT " + decimal(rt, 3) + ", " + patches + " " + side + "x" + side;
}

double SparsitySeries::full_overhead(double base_ms) const {
    for (const SparsityPoint &point : points) {
        if ((spatial() ? point.rs : point.rt) == 1) return point.ms.median / base_ms - 1;
    }
    return 0;
}

std::optional<double> SparsitySeries::break_even(double base_ms) const {
    std::vector<RatioTime> times;
    for (const SparsityPoint &point : points)
        times.push_back({ratio(point), point.ms.median});
    return break_even_ratio(times, base_ms);
}

std::string SparsityCase::title() const {
    return run_title(model, frames, size, batch, threads) + (dtype == "f32" ? "" : ", " + dtype);
}

std::vector<SparsitySeries> SparsityCase::series() const {
    std::vector<SparsitySeries> all;
    for (const bool spatial : {false, true}) {
        for (const SparsityPoint &point : points) {
            if (point.spatial() != spatial) continue;
            const auto fits = [&](const SparsitySeries &s) {
                return s.mask == point.mask && s.patches == point.patches && s.grid == point.grid &&
                       (!spatial || s.rt == point.rt);
            };
            auto found = std::find_if(all.begin(), all.end(), fits);
            if (found == all.end()) {
                found = all.insert(all.end(), {point.mask, point.patches, point.grid, spatial ? point.rt : 1, {}});
            }
            found->points.push_back(point);
        }
    }
    return all;
}

std::vector<std::vector<SparsitySeries>> SparsityCase::groups() const {
    std::vector<std::vector<SparsitySeries>> all;
    for (SparsitySeries &series : series()) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const std::vector<SparsitySeries> &group) {
            const SparsitySeries &s = group.front();
            if (!series.spatial()) return !s.spatial();
            return s.mask == series.mask && s.patches == series.patches && s.grid == series.grid;
        });
        if (found == all.end()) {
            all.push_back({std::move(series)});
        } else {
            found->push_back(std::move(series));
        }
    }
    return all;
}

double SparsityCase::base_ms(const SparsitySeries &series) const {
    for (const SparsityPoint &point : points) {
        if (series.spatial() && !point.spatial() && point.mask == series.mask && point.rt == series.rt) {
            return point.ms.median;
        }
    }
    return dense_ms.median;
}

}  // namespace afnet
