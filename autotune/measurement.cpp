#include "autotune/measurement.h"

#include <algorithm>
#include <limits>

#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr std::pair<Outcome, const char *> kOutcomes[] = {{Outcome::Ok, "ok"},           {Outcome::Same, "same"},
                                                          {Outcome::Refused, "refused"}, {Outcome::Wrong, "wrong"},
                                                          {Outcome::Crash, "crash"},     {Outcome::Timeout, "timeout"},
                                                          {Outcome::Memory, "memory"},   {Outcome::Failed, "failed"}};

double quantile(std::vector<double> values, double part) {
    std::sort(values.begin(), values.end());
    return values[size_t(part * double(values.size() - 1) + 0.5)];
}

} // namespace

std::string outcome_name(Outcome outcome) {
    for (const auto &[value, name] : kOutcomes) {
        if (value == outcome) return name;
    }
    throw Error("an outcome without a name");
}

Outcome outcome_named(const std::string &name) {
    for (const auto &[value, known] : kOutcomes) {
        if (known == name) return value;
    }
    throw Error("unknown outcome " + printable(name));
}

Knobs effective_knobs(const Measurement &measurement) {
    Knobs effective;
    for (const auto &[name, value] : measurement.knobs) {
        if (measurement.resolved.count(name) > 0) effective[name] = value;
    }
    return effective;
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

std::vector<double> paired_ratios(const std::vector<double> &numerator, const std::vector<double> &denominator) {
    std::vector<double> ratios;
    for (size_t i = 0; i < std::min(numerator.size(), denominator.size()); i++) {
        ratios.push_back(numerator[i] / denominator[i]);
    }
    return ratios;
}

double ratio_to_automatic(const Measurement &measurement) {
    const std::vector<double> ratios = paired_ratios(measurement.ms, measurement.automatic_ms);
    if (measurement.outcome != Outcome::Ok || ratios.empty()) return std::numeric_limits<double>::infinity();
    return median(ratios);
}

bool beats(const std::vector<double> &challenger, const std::vector<double> &holder, double gain) {
    const std::vector<double> ratios = paired_ratios(challenger, holder);
    return !ratios.empty() && median(ratios) <= 1 - gain && quantile(ratios, 0.75) < 1;
}

nlohmann::ordered_json measurement_json(const Measurement &m) {
    return {{"knobs", m.knobs},
            {"resolved", m.resolved},
            {"outcome", outcome_name(m.outcome)},
            {"detail", m.detail},
            {"code", m.code},
            {"ms", m.ms},
            {"automatic_ms", m.automatic_ms},
            {"difference", m.difference},
            {"gmac", m.gmac},
            {"peak_gmac_per_s", m.peak_gmac_per_s}};
}

Measurement measurement_from(const nlohmann::ordered_json &json) {
    Measurement m;
    m.knobs = json.at("knobs").get<Knobs>();
    m.resolved = json.at("resolved").get<Knobs>();
    m.outcome = outcome_named(json.at("outcome").get<std::string>());
    m.detail = json.at("detail").get<std::string>();
    m.code = json.at("code").get<std::string>();
    m.ms = json.at("ms").get<std::vector<double>>();
    m.automatic_ms = json.at("automatic_ms").get<std::vector<double>>();
    m.difference = json.at("difference").get<double>();
    m.gmac = json.at("gmac").get<double>();
    m.peak_gmac_per_s = json.at("peak_gmac_per_s").get<double>();
    return m;
}

} // namespace afnet
