// What became of one candidate: a value that the tuner, its log and its strategies share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "autotune/records.h"

namespace afnet {

enum class Outcome {
    Ok,      // right, and timed
    Same,    // the same machine code as a candidate before it: not timed again
    Refused, // the generator stopped with a message: knobs that do not go together
    Wrong,   // its output differs from the automatic kernel's
    Crash,   // a signal ended the generator or the kernel
    Timeout, // the generator or the measurement took longer than allowed
    Memory,  // the generator or the measurement needed more memory than allowed
    Failed,  // the kernel reported an error
};

/// The outcome's name in logs, and back. Throws Error for another name.
std::string outcome_name(Outcome outcome);
Outcome outcome_named(const std::string &name);

struct Measurement {
    Knobs knobs;    // as proposed
    Knobs resolved; // as the schedule settled on them; empty where the generator did not get that far
    Outcome outcome = Outcome::Failed;
    std::string detail;               // for people: what went wrong and where
    std::string code;                 // hash of the compiled kernel; empty where there is none
    std::vector<double> ms;           // of all occurrences together, one per round
    std::vector<double> automatic_ms; // of the automatic kernel, in turn with `ms`
    double difference = 0;            // from the automatic kernel's output: largest, over its largest magnitude
    double gmac = 0;                  // GMACs of all occurrences together
    double peak_gmac_per_s = 0;       // of the machine, measured beside; 0: not measured

    /// Whether it cost, or would cost, a run on the machine.
    bool measured() const { return outcome != Outcome::Same && outcome != Outcome::Refused; }
};

/// The candidate's knobs without those that the schedule did not ask for: they make the same code.
Knobs effective_knobs(const Measurement &measurement);

double median(std::vector<double> values);

/// `numerator[i] / denominator[i]`, for as many as both have: measurements that were taken in turn, so that drifts of
/// the machine cancel.
std::vector<double> paired_ratios(const std::vector<double> &numerator, const std::vector<double> &denominator);

/// Median of the paired ratios of a candidate and the automatic kernel: below 1 is quicker. Infinite where it was not
/// timed.
double ratio_to_automatic(const Measurement &measurement);

/// Whether `challenger` needs less time than `holder` by at least `gain`, a fraction, in the median of paired ratios,
/// and less time at all in three rounds of four.
bool beats(const std::vector<double> &challenger, const std::vector<double> &holder, double gain);

nlohmann::ordered_json measurement_json(const Measurement &measurement);
/// Throws nlohmann::json::exception or Error for what is no measurement.
Measurement measurement_from(const nlohmann::ordered_json &json);

} // namespace afnet
