#include "autotune/contest_process.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>

#include "model/machine.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/halide_host.h"
#include "runtime/json.h"
#include "runtime/json_text.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostBytes = size_t(1) << 26; // of a request or result
constexpr size_t kMostDetail = 400;

Json request_json(const ContestRequest &request) {
    Json occurrences = Json::array();
    for (const Occurrence &occurrence : request.occurrences)
        occurrences.push_back(occurrence_json(occurrence));
    return {{"kernel", request.kernel},
            {"target", request.target},
            {"occurrences", occurrences},
            {"folders", request.folders},
            {"machine_folder", request.machine_folder},
            {"threads", request.threads},
            {"seed", request.seed},
            {"tolerance", request.tolerance},
            {"rounds", request.rounds.most},
            {"seconds", request.rounds.seconds}};
}

ContestRequest request_from(const Json &json) {
    ContestRequest request;
    request.kernel = json.at("kernel").get<std::string>();
    request.target = json.at("target").get<std::string>();
    for (const Json &row : json.at("occurrences"))
        request.occurrences.push_back(occurrence_from(row));
    request.folders = json.at("folders").get<std::vector<std::string>>();
    request.machine_folder = json.at("machine_folder").get<std::string>();
    request.threads = json.at("threads").get<int>();
    request.seed = json.at("seed").get<uint64_t>();
    request.tolerance = json.at("tolerance").get<double>();
    request.rounds.most = json.at("rounds").get<int>();
    request.rounds.seconds = json.at("seconds").get<double>();
    return request;
}

Json result_json(const ContestResult &result) {
    return {{"outcome", outcome_name(result.outcome)},
            {"detail", result.detail},
            {"differences", result.differences},
            {"ms", result.ms},
            {"peak_gmac_per_s", result.peak_gmac_per_s}};
}

ContestResult result_from(const Json &json) {
    ContestResult result;
    result.outcome = outcome_named(json.at("outcome").get<std::string>());
    result.detail = json.at("detail").get<std::string>();
    result.differences = json.at("differences").get<std::vector<double>>();
    result.ms = json.at("ms").get<std::vector<std::vector<double>>>();
    result.peak_gmac_per_s = json.at("peak_gmac_per_s").get<double>();
    return result;
}

bool speaks_of_memory(const std::string &text) {
    for (const char *words :
         {"ut of memory", "emory exhausted", "bad_alloc", "Cannot allocate memory", "cannot allocate "}) {
        if (text.find(words) != std::string::npos) return true;
    }
    return false;
}

// The machine's peak at this moment; 0 where no library measures it, as on devices.
class Peak {
public:
    Peak(const std::string &folder, const Target &target, int threads) {
        if (target.gpu != GpuInterface::None) return;
        try {
            kernels_ = std::make_unique<KernelStore>(folder, target);
            meter_ = std::make_unique<PeakMeter>(*kernels_, threads);
        } catch (const Error &) {
            meter_.reset();
        }
    }
    double measure() { return meter_ ? meter_->measure() : 0; }

private:
    std::unique_ptr<KernelStore> kernels_;
    std::unique_ptr<PeakMeter> meter_;
};

// One occurrence: compares, then times; false where a candidate is wrong.
bool contest_at(const Occurrence &occurrence, const ContestRequest &request, const std::vector<KernelStore *> &variants,
                ContestResult &result) {
    StepContest contest(occurrence, variants, request.seed);
    const std::vector<double> differences = contest.differences();
    for (size_t i = 1; i < differences.size(); i++) {
        result.differences[i - 1] = std::max(result.differences[i - 1], differences[i]);
        if (differences[i] <= request.tolerance) continue;
        char text[64];
        std::snprintf(text, sizeof text, "differs by %.2g of the largest magnitude", differences[i]);
        result.outcome = Outcome::Wrong;
        result.detail = occurrence.label + " (" + occurrence.shape + "): " + text;
        return false;
    }
    Rounds rounds = request.rounds;
    rounds.seconds /= double(request.occurrences.size());
    const auto ms = contest.time(rounds);
    const bool first = result.ms.empty();
    if (first) result.ms.resize(ms.size());
    for (size_t v = 0; v < ms.size(); v++) {
        std::vector<double> &sums = result.ms[v];
        sums.resize(first ? ms[v].size() : std::min(sums.size(), ms[v].size()));
        for (size_t round = 0; round < sums.size(); round++)
            sums[round] += occurrence.weight * ms[v][round];
    }
    return true;
}

ContestResult contest(const ContestRequest &request) {
    const int threads = configure_halide(request.threads);
    const Target &target = target_named(request.target);
    std::vector<std::unique_ptr<KernelStore>> stores;
    std::vector<KernelStore *> variants;
    for (const std::string &folder : request.folders) {
        stores.push_back(std::make_unique<KernelStore>(folder, target));
        variants.push_back(stores.back().get());
    }
    Peak peak(request.machine_folder, target, threads);
    ContestResult result;
    result.outcome = Outcome::Ok;
    result.differences.resize(variants.size() - 1);
    result.peak_gmac_per_s = peak.measure();
    for (const Occurrence &occurrence : request.occurrences) {
        if (!contest_at(occurrence, request, variants, result)) break;
        result.peak_gmac_per_s = std::max(result.peak_gmac_per_s, peak.measure());
    }
    if (result.outcome != Outcome::Ok) result.ms.clear();
    return result;
}

ContestResult failure(Outcome outcome, const std::string &detail) {
    ContestResult result;
    result.outcome = outcome;
    result.detail = detail.substr(0, kMostDetail);
    return result;
}

} // namespace

Outcome outcome_of(const ProcessResult &process) {
    if (process.timed_out) return Outcome::Timeout;
    // A kill that was not ours is the system's, which is out of memory.
    if (process.signal == SIGKILL || speaks_of_memory(process.output)) return Outcome::Memory;
    return process.signal != 0 ? Outcome::Crash : Outcome::Failed;
}

ContestResult run_contest(const ContestRequest &request, const ProcessLimits &limits, const std::string &scratch) {
    const std::string request_path = scratch + "/request.json", result_path = scratch + "/result.json";
    std::filesystem::remove(result_path);
    write_file(request_path, request_json(request).dump());
    const ProcessResult process = run_process({"/proc/self/exe", kContestCommand, request_path, result_path}, limits);
    if (process.status != 0) {
        const std::string how = process.timed_out     ? "still ran at the time limit"
                                : process.signal != 0 ? "ended by signal " + std::to_string(process.signal)
                                                      : "";
        return failure(outcome_of(process), how + (how.empty() || process.output.empty() ? "" : ": ") + process.output);
    }
    try {
        return result_from(Json::parse(read_file(result_path, kMostBytes)));
    } catch (const std::exception &error) {
        return failure(Outcome::Failed, std::string("the measuring process left no result: ") + error.what());
    }
}

void answer_contest(const std::string &request_path, const std::string &result_path) {
    ContestRequest request;
    try {
        request = request_from(Json::parse(read_file(request_path, kMostBytes)));
    } catch (const Json::exception &error) {
        throw Error(request_path + ": not a request of `afnet tune`: " + error.what());
    }
    ContestResult result;
    try {
        result = contest(request);
    } catch (const Interrupted &) {
        throw;
    } catch (const std::bad_alloc &) {
        result = failure(Outcome::Memory, "out of memory");
    } catch (const Error &error) {
        result = failure(speaks_of_memory(error.what()) ? Outcome::Memory : Outcome::Failed, error.what());
    }
    write_file(result_path, json_text(result_json(result)));
}

} // namespace afnet
