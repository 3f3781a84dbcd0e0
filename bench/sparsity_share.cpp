#include "bench/sparsity_share.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "bench/measure.h"

namespace afnet {

namespace {

const char *overhead_name(StepRole role) {
    switch (role) {
    case StepRole::Navigation: return "navigation";
    case StepRole::PatchNavigation:
        return "spatial navigation";
    case StepRole::IndexBuilding: return "index building";
    case StepRole::PatchChoice:
        return "patch choice";
    case StepRole::PatchLists:
        return "patch lists";
    case StepRole::Gather: return "gather";
    case StepRole::Compact: return "compact";
    case StepRole::Scatter: return "scatter";
    case StepRole::Fill: return "fill";
    case StepRole::Ungated: break;
    }
    return "other layers";
}

std::vector<BlockTimes> block_times(const StepRoles &roles, const std::vector<std::string> &names,
                                    const std::vector<BlockPart> &parts, const NetworkTimes &dense,
                                    const NetworkTimes &masked) {
    std::vector<BlockTimes> blocks(names.size());
    for (size_t b = 0; b < names.size(); b++) {
        blocks[b].block = names[b];
        blocks[b].realised = parts[b];
    }
    for (size_t i = 0; i < roles.dense.size(); i++) {
        if (is_gated(roles.dense[i].role)) blocks[size_t(roles.dense[i].block)].dense_ms += dense.steps[i];
    }
    for (size_t i = 0; i < roles.masked.size(); i++) {
        const auto [role, block] = roles.masked[i];
        if (block < 0) continue;
        const bool decides = role == StepRole::Navigation || role == StepRole::IndexBuilding || is_of_patches(role);
        (decides ? blocks[size_t(block)].navigation_ms : blocks[size_t(block)].masked_ms) += masked.steps[i];
    }
    for (BlockTimes &block : blocks)
        block.theory_ms = block.dense_ms * block.realised.of_all();
    return blocks;
}

double sum(const std::vector<double> &values) {
    double total = 0;
    for (double value : values) total += value;
    return total;
}

std::vector<Overhead> overheads(const StepRoles &roles, const std::vector<BlockPart> &parts, const NetworkTimes &dense,
                                const NetworkTimes &masked, double theory_ms) {
    std::map<StepRole, double> beyond;
    for (size_t i = 0; i < roles.masked.size(); i++) beyond[roles.masked[i].role] += masked.steps[i];
    for (size_t i = 0; i < roles.dense.size(); i++) {
        const auto [role, block] = roles.dense[i];
        beyond[role] -= dense.steps[i] * (is_gated(role) ? parts[size_t(block)].of_all() : 1);
    }
    std::vector<Overhead> lines;
    const bool spatial = std::any_of(roles.masked.begin(), roles.masked.end(),
                                     [](const StepPlace &place) { return is_of_patches(place.role); });
    for (const StepRole role : kStepRoles) {
        if (spatial || !is_of_patches(role)) lines.push_back({overhead_name(role), beyond[role], 0});
    }
    lines.push_back({"between kernels", (masked.ms - sum(masked.steps)) - (dense.ms - sum(dense.steps)), 0});
    lines.push_back({"total", masked.ms - theory_ms, 0});
    for (Overhead &line : lines) line.percent = 100 * line.ms / dense.ms;
    return lines;
}

}  // namespace

NetworkTimes network_times(const std::vector<double> &runs, const std::vector<std::vector<double>> &steps) {
    NetworkTimes times;
    times.ms = summarize(runs).median;
    const size_t count = runs.size(), before = steps.size() - count, trimmed = count / 3;
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t(0));
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return runs[a] < runs[b]; });
    times.steps.assign(steps.front().size(), 0.0);
    for (size_t i = trimmed; i < count - trimmed; i++) {
        const std::vector<double> &run = steps[before + order[i]];
        for (size_t s = 0; s < run.size(); s++) times.steps[s] += run[s] / double(count - 2 * trimmed);
    }
    return times;
}

NetworkTimes scaled_times(const std::vector<double> &runs, const std::vector<std::vector<double>> &steps) {
    NetworkTimes times;
    times.ms = summarize(runs).median;
    times.steps.assign(steps.front().size(), 0.0);
    double total = 0;
    for (const std::vector<double> &run : steps) {
        for (size_t s = 0; s < run.size(); s++) {
            times.steps[s] += run[s];
            total += run[s];
        }
    }
    for (double &ms : times.steps)
        ms *= times.ms / total;
    return times;
}

std::optional<double> gain_share(double speedup, double possible) {
    if (!(possible > 1 + 1e-9)) return std::nullopt;
    return (speedup - 1) / (possible - 1);
}

SparsityAccount account(const StepRoles &roles, const std::vector<std::string> &names,
                        const std::vector<BlockPart> &parts, const NetworkTimes &dense, const NetworkTimes &masked,
                        double gmac_dense, double gmac) {
    SparsityAccount result;
    result.blocks = block_times(roles, names, parts, dense, masked);
    result.theory_ms = dense.ms;
    for (const BlockTimes &block : result.blocks) result.theory_ms -= block.dense_ms - block.theory_ms;
    result.speedup_theory = dense.ms / result.theory_ms;
    result.speedup_measured = dense.ms / masked.ms;
    result.share = gain_share(result.speedup_measured, result.speedup_theory);
    result.share_macs = gain_share(result.speedup_measured, gmac_dense / gmac);
    result.overheads = overheads(roles, parts, dense, masked, result.theory_ms);
    return result;
}

SpeedupSpread speedup_spread(const std::vector<double> &dense, const std::vector<double> &masked) {
    std::vector<double> ratios;
    for (size_t i = 0; i < std::min(dense.size(), masked.size()); i++) ratios.push_back(dense[i] / masked[i]);
    if (ratios.empty()) return {};
    std::sort(ratios.begin(), ratios.end());
    const size_t quarter = (ratios.size() - 1) / 4;
    return {ratios[quarter], ratios[ratios.size() - 1 - quarter]};
}

std::optional<double> break_even_ratio(std::vector<RatioTime> points, double dense_ms) {
    std::sort(points.begin(), points.end(), [](const RatioTime &a, const RatioTime &b) { return a.ratio > b.ratio; });
    for (size_t i = 0; i < points.size(); i++) {
        if (points[i].ms > dense_ms) continue;
        if (i == 0) return points[i].ratio;
        const RatioTime &above = points[i - 1], &below = points[i];
        return below.ratio + (above.ratio - below.ratio) * (dense_ms - below.ms) / (above.ms - below.ms);
    }
    return std::nullopt;
}

}  // namespace afnet
