#include "autotune/candidate_meter.h"

#include <filesystem>

#include "autotune/kernel_compiler.h"
#include "runtime/content_hash.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace afnet {

using Json = nlohmann::ordered_json;

CandidateMeter::CandidateMeter(const Workload &workload, const TuneSettings &settings, TuningLog &log)
    : workload_(workload), settings_(settings), log_(log), name_(workload.kernel.name()) {
    compiler_ = {
        workload.kernel, settings.target, settings.generators, settings.cache, settings.scratch + "/candidates",
        settings.limits};
    // Candidates of the kernel before would only fill the disk.
    std::filesystem::remove_all(compiler_.scratch);
    std::filesystem::create_directories(compiler_.scratch);
    context_ = {{"kernel", name_}, {"target", settings.target.name}};
    context_.update(settings.machine());
    context_["shapes"] = workload.shapes();
    context_["tolerance"] = settings.tolerance;
    context_["generator"] = generator_hash(settings.generators, workload.kernel);
    identity_ = content_hash(context_.dump());
    context_["seed"] = settings.seed;
}

std::string CandidateMeter::key_of(const Knobs &knobs) const {
    return content_hash(identity_ + nlohmann::json(knobs).dump());
}

// That a candidate is the same as another is no answer where the other one has not been met in this search.
const Measurement *CandidateMeter::logged(const Knobs &knobs) const {
    const Measurement *found = log_.find(key_of(knobs));
    return found && found->outcome == Outcome::Same && !by_code_.count(found->code) ? nullptr : found;
}

void CandidateMeter::measure(const std::vector<Knobs> &candidates, const Observer &observer) {
    std::vector<Knobs> missing;
    for (const Knobs &knobs : candidates) {
        if (!logged(knobs)) missing.push_back(knobs);
    }
    std::map<Knobs, CompiledCandidate> compiled;
    for (CompiledCandidate &candidate : compile_candidates(compiler_, missing, settings_.jobs)) {
        compiled[candidate.state.knobs] = std::move(candidate);
    }
    for (const Knobs &knobs : candidates) {
        const auto candidate = compiled.find(knobs);
        const bool now = candidate != compiled.end();
        if (now) log_.append(key_of(knobs), context_, meet_automatic(candidate->second));
        const Measurement &measurement = *log_.find(key_of(knobs));
        if (measurement.outcome == Outcome::Ok) by_code_.emplace(measurement.code, knobs);
        observer(measurement, now);
    }
}

Measurement CandidateMeter::meet_automatic(const CompiledCandidate &candidate) {
    if (interrupted()) throw Interrupted();
    Measurement m = candidate.state;
    if (!candidate.compiled) return m;
    const auto same = by_code_.find(m.code);
    if (same != by_code_.end()) {
        m.outcome = Outcome::Same;
        m.detail = "as " + knob_text(same->second);
        return m;
    }
    const ContestResult contest = run_contest(request({folder_of({}), candidate.folder}, settings_.search_rounds),
                                              settings_.measuring_limits(), settings_.scratch);
    m.outcome = contest.outcome;
    m.detail = contest.detail;
    m.gmac = workload_.gmac();
    m.peak_gmac_per_s = contest.peak_gmac_per_s;
    if (!contest.differences.empty()) m.difference = contest.differences.front();
    if (contest.ms.size() == 2) {
        m.automatic_ms = contest.ms[0];
        m.ms = contest.ms[1];
    }
    return m;
}

std::vector<Measurement> CandidateMeter::measure_together(std::vector<Measurement> candidates) {
    Json names = Json::array();
    for (const Measurement &m : candidates)
        names.push_back(m.knobs);
    const std::string suffix = "-final-" + content_hash(names.dump());
    std::vector<Measurement> known;
    for (const Measurement &m : candidates) {
        if (const Measurement *found = log_.find(key_of(m.knobs) + suffix)) known.push_back(*found);
    }
    if (known.size() == candidates.size()) return known;

    std::vector<std::string> folders = {folder_of({})};
    for (const Measurement &m : candidates)
        folders.push_back(folder_of(m.knobs));
    ProcessLimits limits = settings_.measuring_limits();
    if (limits.seconds > 0) limits.seconds += double(folders.size()) * settings_.final_rounds.seconds;
    const ContestResult contest = run_contest(request(folders, settings_.final_rounds), limits, settings_.scratch);
    Json context = context_;
    context["final"] = names;
    for (size_t i = 0; i < candidates.size(); i++) {
        Measurement &m = candidates[i];
        m.outcome = contest.outcome;
        m.detail = contest.detail;
        m.peak_gmac_per_s = contest.peak_gmac_per_s;
        m.ms.clear();
        m.automatic_ms.clear();
        if (contest.ms.size() == folders.size()) {
            m.automatic_ms = contest.ms[0];
            m.ms = contest.ms[i + 1];
        }
        log_.append(key_of(m.knobs) + suffix, context, m);
    }
    return candidates;
}

// The folder of a candidate's library, compiled where it is not there yet.
const std::string &CandidateMeter::folder_of(const Knobs &knobs) {
    const auto found = folders_.find(knobs);
    if (found != folders_.end()) return found->second;
    const CompiledCandidate candidate = compile_candidates(compiler_, {knobs}, 1).front();
    if (!candidate.compiled) {
        throw Error(name_ + ": " + knob_text(knobs) + " no longer compiles: " + candidate.state.detail);
    }
    return folders_[knobs] = candidate.folder;
}

ContestRequest CandidateMeter::request(std::vector<std::string> folders, const Rounds &rounds) const {
    ContestRequest request;
    request.kernel = name_;
    request.target = settings_.target.name;
    request.occurrences = workload_.occurrences;
    request.folders = std::move(folders);
    request.machine_folder = settings_.machine_folder;
    request.threads = settings_.threads;
    request.seed = settings_.seed;
    request.tolerance = settings_.tolerance;
    request.rounds = rounds;
    return request;
}

} // namespace afnet
