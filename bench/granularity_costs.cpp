#include "bench/granularity_costs.h"

#include <algorithm>

#include "bench/sparsity_share.h"
#include "model/text_table.h"

namespace afnet {

namespace {

void add(GatedTimes &sum, const GatedTimes &times) {
    sum.gather += times.gather;
    sum.compact += times.compact;
    sum.scatter += times.scatter;
}

bool same_setting(const GranularityRow &a, const GranularityRow &b) {
    return a.stage == b.stage && a.patches == b.patches && a.grid == b.grid && a.rs == b.rs;
}

} // namespace

PatchCosts &PatchCosts::operator+=(const PatchCosts &other) {
    add(dense, other.dense);
    add(listed, other.listed);
    index += other.index;
    fill += other.fill;
    halo += other.halo;
    whole += other.whole;
    return *this;
}

std::optional<double> GranularityRow::share() const {
    const double possible = (1 - realised_rs) * costs.dense.sum();
    if (realised_rs > 1 - 1e-9 || possible <= 0) return std::nullopt;
    return (costs.dense.sum() - costs.listed_sum()) / possible;
}

std::vector<CostLine> GranularityRow::lines() const {
    const GatedTimes &dense = costs.dense, &listed = costs.listed;
    return {{"index", costs.index},
            {"gather", listed.gather - realised_rs * dense.gather},
            {"compact", listed.compact - realised_rs * dense.compact - costs.halo},
            {"halo", costs.halo},
            {"scatter", listed.scatter - realised_rs * dense.scatter},
            {"fill", costs.fill},
            {"total", costs.listed_sum() - realised_rs * dense.sum()}};
}

std::vector<GranularityRow> with_stages(const std::vector<GranularityRow> &blocks) {
    std::vector<GranularityRow> stages;
    for (const GranularityRow &block : blocks) {
        const auto fits = [&](const GranularityRow &stage) { return same_setting(stage, block); };
        const auto found = std::find_if(stages.begin(), stages.end(), fits);
        if (found == stages.end()) {
            stages.push_back(block);
            stages.back().layer = block.stage;
            continue;
        }
        const double before = found->blocks, all = before + block.blocks;
        const auto mean = [&](double &of, double another) { of = (of * before + another * block.blocks) / all; };
        mean(found->realised_rs, block.realised_rs);
        mean(found->computed, block.computed);
        mean(found->read, block.read);
        found->blocks += block.blocks;
        found->costs += block.costs;
    }
    stages.insert(stages.end(), blocks.begin(), blocks.end());
    return stages;
}

std::vector<BreakEven> break_evens(const std::vector<GranularityRow> &rows) {
    std::vector<BreakEven> evens;
    std::vector<std::vector<RatioTime>> beyond; // lists less all pixels
    for (const GranularityRow &row : rows) {
        const auto fits = [&](const BreakEven &even) {
            return even.of.layer == row.layer && even.of.patches == row.patches && even.of.grid == row.grid;
        };
        const size_t at = size_t(std::find_if(evens.begin(), evens.end(), fits) - evens.begin());
        if (at == evens.size()) {
            evens.push_back({row, 0, {}});
            beyond.emplace_back();
        }
        evens[at].most = std::max(evens[at].most, row.realised_rs);
        beyond[at].push_back({row.realised_rs, row.costs.listed_sum() - row.costs.whole});
    }
    for (size_t i = 0; i < evens.size(); i++)
        evens[i].realised = break_even_ratio(beyond[i], 0);
    return evens;
}

std::string advice(const BreakEven &even) {
    const GranularityRow &of = even.of;
    const double side = of.patch_side();
    std::string text =
        of.layer + ", patches of " + decimal(side, side == int(side) ? 0 : 1) + " pixels, " + of.patches + ": ";
    if (!even.realised) {
        text += "all pixels at every RS that was measured";
    } else if (*even.realised >= even.most) {
        text += "by lists at every RS that was measured, up to " + decimal(even.most, 3);
    } else {
        text += "by lists up to RS " + decimal(*even.realised, 3) + ", all pixels above";
    }
    return text + "; plans change at " + decimal(of.planned_break_even, 3);
}

} // namespace afnet
