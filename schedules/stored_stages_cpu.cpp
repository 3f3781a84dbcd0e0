#include "schedules/stored_stages_schedule.h"

#include <algorithm>
#include <map>

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(StoredStages stages, const Target &) {
    std::map<std::string, Internal::Function> calls;
    for (const Func &output : stages.outputs) {
        for (const auto &[name, function] : Internal::find_transitive_calls(output.function()))
            calls.insert({name, function});
    }
    const auto listed = [](const std::vector<Func> &funcs, const std::string &name) {
        return std::any_of(funcs.begin(), funcs.end(), [&](const Func &func) { return func.name() == name; });
    };
    for (const auto &[name, function] : calls) {
        if (listed(stages.outputs, name) || listed(stages.inlined, name)) continue;
        const bool view = !function.has_update_definition() && Internal::find_direct_calls(function).empty();
        if (!view) Func(function).compute_root();
    }
}

} // namespace afnet::schedules
