// Measurements of one kernel's candidates: from the log where it has them, else compiled, compared, timed and logged.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "autotune/candidate_compiler.h"
#include "autotune/contest_process.h"
#include "autotune/tune_settings.h"
#include "autotune/tuning_log.h"
#include "runtime/json.h"

namespace afnet {

class CandidateMeter {
public:
    /// All three must outlive the meter. Throws Error when the generator or libHalide is missing.
    CandidateMeter(const Workload &workload, const TuneSettings &settings, TuningLog &log);

    /// A candidate's measurement, and whether it was taken now.
    using Observer = std::function<void(const Measurement &, bool now)>;

    /// Measures candidates: compiles all that the log lacks at once, then lets one after the other meet the automatic
    /// kernel. The automatic kernel itself (no knobs) comes first, in a call of its own. Whatever becomes of a
    /// candidate is a measurement. Throws Error when nothing can be compiled or logged at all, Interrupted after
    /// Ctrl-C.
    void measure(const std::vector<Knobs> &candidates, const Observer &observer);

    /// Measures candidates that were right once more, all in turn with the automatic kernel and for longer.
    std::vector<Measurement> measure_together(std::vector<Measurement> candidates);

    /// What all these measurements have in common, as the log has it.
    const nlohmann::ordered_json &context() const { return context_; }

private:
    std::string key_of(const Knobs &knobs) const;
    const Measurement *logged(const Knobs &knobs) const;
    Measurement meet_automatic(const CompiledCandidate &candidate);
    const std::string &folder_of(const Knobs &knobs);
    ContestRequest request(std::vector<std::string> folders, const Rounds &rounds) const;

    const Workload &workload_;
    const TuneSettings &settings_;
    TuningLog &log_;
    std::string name_, identity_;
    CandidateCompiler compiler_;
    nlohmann::ordered_json context_;
    std::map<std::string, Knobs> by_code_; // hash of machine code -> knobs that were timed in this search
    std::map<Knobs, std::string> folders_; // of libraries
};

} // namespace afnet
