// States of a small network that tell from every number which epoch they are of, for tests.
#pragma once

#include <algorithm>

#include "model/training_state.h"
#include "tests/model/checkpoint_builder.h"

namespace afnet_test {

inline afnet::TrainingState training_state_of(int64_t epoch) {
    static const std::vector<afnet::ParameterInfo> parameters = parameters_of(small_network(afnet::Family::AfResNet));
    afnet::TrainingState state;
    state.description = small_network(afnet::Family::AfResNet);
    for (const afnet::ParameterInfo &info : parameters) {
        int64_t elements = 1;
        for (const int64_t extent : info.shape)
            elements *= extent;
        state.parameters[info.key].assign(size_t(elements), float(epoch));
        state.optimizer[info.key + ".momentum"].assign(size_t(elements), -float(epoch));
    }
    state.epoch = epoch;
    state.step = 10 * epoch;
    state.best = double(epoch) / 3;
    return state;
}

/// Whether all of a state is of its epoch.
inline bool consistent(const afnet::TrainingState &state) {
    const afnet::TrainingState expected = training_state_of(state.epoch);
    return state.parameters == expected.parameters && state.optimizer == expected.optimizer &&
           state.step == expected.step && state.best == expected.best;
}

} // namespace afnet_test
