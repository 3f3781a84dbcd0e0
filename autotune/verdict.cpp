#include "autotune/verdict.h"

#include <algorithm>

namespace afnet {

std::vector<Measurement> finalists(const std::vector<Measurement> &measurements, const Knobs *record, size_t most) {
    std::vector<Measurement> chosen, others;
    for (const Measurement &m : measurements) {
        if (m.outcome != Outcome::Ok || m.knobs.empty()) continue;
        if (record && m.knobs == *record) {
            chosen.push_back(m);
        } else if (ratio_to_automatic(m) < 1) {
            others.push_back(m);
        }
    }
    std::stable_sort(others.begin(), others.end(), [](const Measurement &a, const Measurement &b) {
        return ratio_to_automatic(a) < ratio_to_automatic(b);
    });
    others.resize(std::min(others.size(), most));
    chosen.insert(chosen.end(), others.begin(), others.end());
    return chosen;
}

const Measurement *winner(const std::vector<Measurement> &finalists, const Knobs *record, double gain) {
    const Measurement *holder = nullptr, *best = nullptr;
    for (const Measurement &m : finalists) {
        if (record && m.knobs == *record) holder = &m;
    }
    for (const Measurement &m : finalists) {
        if (&m == holder || m.outcome != Outcome::Ok || !beats(m.ms, m.automatic_ms, gain)) continue;
        if (holder && !beats(m.ms, holder->ms, gain)) continue;
        if (!best || median(paired_ratios(m.ms, best->ms)) < 1) best = &m;
    }
    return best;
}

} // namespace afnet
