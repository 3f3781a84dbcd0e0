#include "autotune/tuner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>

#include "autotune/candidate_meter.h"
#include "autotune/search_strategy.h"
#include "autotune/verdict.h"
#include "runtime/vendor_choice.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Three decimals are what a measurement is good for, and a record is read by people.
double rounded(double value) {
    return std::round(value * 1e3) / 1e3;
}

class Tuning {
public:
    Tuning(const Workload &workload, const Budget &budget, const TuneSettings &settings, TuningLog &log,
           const TuneObserver &observer)
        : workload_(workload), budget_(budget), settings_(settings), observer_(observer), name_(workload.kernel.name()),
          meter_(workload, settings, log) {
        result_.kernel = name_;
        result_.shapes = workload.shapes();
    }

    TuneResult run() {
        const SearchSpace space = restricted(search_space_of(settings_.generators, workload_.kernel), settings_.only);
        if (!has_points(space)) return result_;
        has_record_ = std::filesystem::exists(record_path(settings_.records, settings_.target.name, name_));
        record_ = record_knobs(settings_.records, settings_.target.name, name_);
        begin_ = Clock::now();
        search_seconds_ = std::max(budget_.seconds - settings_.final_rounds.seconds, budget_.seconds / 2);
        // The automatic kernel is what all others are compared with, so it goes alone.
        measure({Knobs()});
        if (result_.fault.empty() && !search(space)) return result_;
        if (result_.fault.empty()) decide();
        result_.failed = !result_.fault.empty();
        return result_;
    }

private:
    // Notes the space's size. A kernel without knobs is no failure.
    bool has_points(const SearchSpace &space) {
        result_.space = space.size();
        if (result_.space == 0) result_.fault = "its schedule has no knobs";
        most_ = result_.space + 1 + vendor_candidates().size();
        if (budget_.candidates > 0) most_ = std::min<uint64_t>(most_, budget_.candidates);
        return result_.space > 0;
    }

    // Knobs that a generator has for CPUs mean nothing to its schedule for GPUs, which asks for the same ones whatever
    // their values are: points of the others would all be refused, or the same.
    SearchSpace reached(const SearchSpace &space) const {
        return settings_.on_device() ? with_knobs(space, right_.front().resolved) : space;
    }

    // Kernels of vendors' libraries, which are no points of the space: their knobs are no generator's.
    std::vector<Knobs> vendor_candidates() const {
        std::vector<Knobs> candidates;
        if (settings_.vendor.use != VendorPolicy::Use::Everywhere) return candidates;
        for (const Vendor vendor : vendors_for(workload_.kernel)) {
            candidates.push_back({{kVendorKnob, int(vendor)}, {kVendorRoundingKnob, int(settings_.vendor.rounding)}});
        }
        return candidates;
    }

    // Beyond the automatic kernel, which was right. False where there is nothing to search.
    bool search(const SearchSpace &whole) {
        const SearchSpace space = reached(whole);
        if (!has_points(space)) return false;
        const bool fits = budget_.candidates > 0 && result_.space <= budget_.candidates;
        const std::string strategy = !settings_.strategy.empty() ? settings_.strategy : fits ? "exhaustive" : "random";
        std::vector<Knobs> first = {Knobs(), record_};
        for (const Knobs &knobs : vendor_candidates())
            first.push_back(knobs);
        auto proposals = beginning_with(first, make_strategy(strategy, space, settings_.seed));
        proposals->propose(); // the automatic knobs, which come first
        proposals->observe(right_.front());
        while (!spent()) {
            std::vector<Knobs> knobs;
            while (knobs.size() < std::min<uint64_t>(uint64_t(settings_.jobs), left())) {
                const std::optional<Knobs> proposal = proposals->propose();
                if (!proposal) break;
                // Compiling it would show that it is the same. The record is asked all the same: it may defend itself.
                if (known_.covers(*proposal) && *proposal != record_) continue;
                knobs.push_back(*proposal);
            }
            if (knobs.empty()) break;
            for (const Measurement &measurement : measure(knobs))
                proposals->observe(measurement);
        }
        return true;
    }

    std::vector<Measurement> measure(const std::vector<Knobs> &knobs) {
        std::vector<Measurement> measured;
        meter_.measure(knobs, [&](const Measurement &measurement, bool now) {
            take(measurement, now);
            measured.push_back(measurement);
            report();
        });
        return measured;
    }

    uint64_t left() const {
        return budget_.candidates > 0 ? budget_.candidates - std::min(budget_.candidates, costly_) : most_;
    }
    bool spent() const {
        return budget_.candidates > 0 ? costly_ >= budget_.candidates : seconds_since(begin_) >= search_seconds_;
    }

    // Counts a measurement, from now or from the log.
    void take(const Measurement &measurement, bool now) {
        const std::string outcome = outcome_name(measurement.outcome);
        result_.tried++;
        if (now) result_.measured_now++;
        result_.outcomes[outcome]++;
        if (measurement.measured()) costly_++;
        known_.add(measurement.resolved);
        if (measurement.outcome == Outcome::Ok) {
            right_.push_back(measurement);
            if (!measurement.knobs.empty()) best_ratio_ = std::min(best_ratio_, ratio_to_automatic(measurement));
        } else if (measurement.knobs.empty()) {
            result_.fault = "with automatic knobs: " + outcome + ": " + measurement.detail;
        }
        if (has_record_ && measurement.knobs == record_) record_outcome_ = measurement.outcome;
    }

    void report() {
        TuneProgress progress;
        progress.done = result_.tried;
        progress.most = most_;
        progress.best_ratio = best_ratio_;
        const double elapsed = seconds_since(begin_);
        if (budget_.candidates == 0) {
            progress.seconds_left = std::max(0.0, search_seconds_ - elapsed);
        } else if (result_.measured_now > 0) {
            const double each = elapsed / double(result_.measured_now);
            progress.seconds_left = each * double(most_ - std::min<uint64_t>(most_, costly_));
        }
        observer_(progress);
    }

    void decide() {
        const bool usable = record_outcome_ == Outcome::Ok || record_outcome_ == Outcome::Same;
        result_.record = !has_record_ ? RecordFate::None : usable ? RecordFate::Kept : RecordFate::Unusable;
        result_.automatic_ms = result_.best_ms = median(right_.front().ms);
        result_.peak_share = share_of_peak(right_.front());
        const Knobs *record = has_record_ ? &record_ : nullptr;
        std::vector<Measurement> candidates = finalists(right_, record, settings_.finalists);
        if (candidates.empty()) return;
        candidates = meter_.measure_together(std::move(candidates));
        const Measurement &first = candidates.front();
        if (first.outcome != Outcome::Ok) {
            result_.fault = "when the best were measured again: " + outcome_name(first.outcome) + ": " + first.detail;
            return;
        }
        result_.automatic_ms = result_.best_ms = median(first.automatic_ms);
        const Measurement *best = winner(candidates, record, settings_.least_gain);
        if (best) {
            settle(*best);
            write_record(settings_.records, settings_.target.name, name_, effective_knobs(*best), measured(*best));
            result_.record = has_record_ ? RecordFate::Replaced : RecordFate::Written;
        } else if (record && first.knobs == record_) {
            settle(first);
            if (beats(first.automatic_ms, first.ms, settings_.least_gain)) result_.record = RecordFate::Slower;
        }
    }

    void settle(const Measurement &best) {
        result_.best = effective_knobs(best);
        result_.best_ms = median(best.ms);
        result_.gain = 1 - ratio_to_automatic(best);
        result_.peak_share = share_of_peak(best);
    }

    static double share_of_peak(const Measurement &m) {
        const double ms = median(m.ms);
        return ms > 0 && m.peak_gmac_per_s > 0 ? m.gmac / ms * 1e3 / m.peak_gmac_per_s : 0;
    }

    Json measured(const Measurement &m) const {
        Json json = {{"ms", rounded(median(m.ms))},
                     {"automatic_ms", rounded(median(m.automatic_ms))},
                     {"gain", rounded(1 - ratio_to_automatic(m))}};
        if (!settings_.on_device()) json["percent_of_peak"] = rounded(100 * share_of_peak(m));
        json["rounds"] = m.ms.size();
        json["difference"] = m.difference;
        json.update(settings_.machine());
        json["shapes"] = meter_.context().at("shapes");
        json["seed"] = settings_.seed;
        json["tried"] = result_.tried;
        json["space"] = result_.space;
        json["date"] = utc_time().substr(0, 10);
        return json;
    }

    const Workload &workload_;
    const Budget &budget_;
    const TuneSettings &settings_;
    const TuneObserver &observer_;
    std::string name_;
    CandidateMeter meter_;
    Knobs record_;
    bool has_record_ = false;
    Outcome record_outcome_ = Outcome::Failed;
    Clock::time_point begin_;
    double search_seconds_ = 0; // where the budget is a time: without the last round
    uint64_t most_ = 0;
    size_t costly_ = 0; // tried ones that were measured, or failed while they were
    double best_ratio_ = 1;
    KnownCode known_;
    std::vector<Measurement> right_; // the automatic one first
    TuneResult result_;
};

} // namespace

std::string fate_name(RecordFate fate) {
    switch (fate) {
    case RecordFate::None:
        return "none";
    case RecordFate::Kept:
        return "kept";
    case RecordFate::Written:
        return "written";
    case RecordFate::Replaced:
        return "replaced";
    case RecordFate::Slower:
        return "slower";
    case RecordFate::Unusable:
        return "unusable";
    }
    return "";
}

TuneResult tune_kernel(const Workload &workload, const Budget &budget, const TuneSettings &settings, TuningLog &log,
                       const TuneObserver &observer) {
    return Tuning(workload, budget, settings, log, observer).run();
}

} // namespace afnet
