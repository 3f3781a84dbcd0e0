// From measurements to a record: who meets again, and who wins.
#pragma once

#include <cstddef>
#include <vector>

#include "autotune/measurement.h"

namespace afnet {

/// The `most` candidates that were right and quicker than the automatic knobs, quickest first. Before them `record`,
/// where it is not null, was right, and is not automatic: it defends its place however slow it was.
std::vector<Measurement> finalists(const std::vector<Measurement> &measurements, const Knobs *record, size_t most);

/// Of finalists that were measured in turn: the one that beats the automatic knobs, and the record where it is among
/// them, by at least `gain` (`beats`); of several, the quickest. nullptr: none does.
const Measurement *winner(const std::vector<Measurement> &finalists, const Knobs *record, double gain);

} // namespace afnet
