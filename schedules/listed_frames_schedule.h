// Schedule of updates that reach the frames of a list.
#pragma once

#include <vector>

#include "Halide.h"
#include "schedules/elementwise_schedule.h"

namespace afnet::schedules {

/// Updates of a Func [c, x, y, f], the i-th over terms[i] = [channels, list], whose x is the channel that it stores and
/// whose y a place in the list. No element is the aim of two terms.
struct ListedUpdates {
    Halide::Func updated;
    std::vector<Halide::RDom> terms;
};

/// A task is a row of a listed frame.
void schedule_cpu(ListedUpdates updates, const Halide::Target &target);

} // namespace afnet::schedules
