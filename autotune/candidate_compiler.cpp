#include "autotune/candidate_compiler.h"

#include "autotune/contest_process.h"
#include "autotune/kernel_compiler.h"
#include "autotune/parallel_jobs.h"
#include "runtime/content_hash.h"
#include "runtime/json.h"
#include "runtime/vendor_choice.h"

namespace afnet {

namespace {

constexpr size_t kMostDetail = 400;

// A generator that ends by itself with a message has refused; everything else is an accident.
Outcome outcome_of_generator(const ProcessResult &process) {
    const Outcome outcome = outcome_of(process);
    return outcome == Outcome::Failed ? Outcome::Refused : outcome;
}

CompiledCandidate compile(const CandidateCompiler &compiler, const Knobs &knobs) {
    CompiledCandidate candidate;
    candidate.state.knobs = knobs;
    candidate.folder = compiler.scratch + "/" + content_hash(nlohmann::json(knobs).dump());
    CompileRequest request;
    request.model = "candidate";
    request.specs = {compiler.kernel};
    request.target = compiler.target;
    request.generators = compiler.generators;
    request.records = compiler.scratch; // of no consequence: the knobs are given
    request.output = candidate.folder;
    request.cache = compiler.cache;
    request.knobs[compiler.kernel.name()] = knobs;
    request.limits = compiler.limits;
    try {
        const Manifest manifest = read_manifest(compile_kernels(request).manifest_path);
        candidate.state.code = manifest.library_hash;
        candidate.state.resolved = manifest.kernels.front().knobs;
        // A vendor's kernel is other code than that of the library which chooses it.
        const std::string vendor = vendor_text(manifest.kernels.front());
        if (!vendor.empty()) candidate.state.code = content_hash(candidate.state.code + vendor);
        candidate.compiled = true;
    } catch (const GenerationError &error) {
        candidate.state.outcome = outcome_of_generator(error.result);
        candidate.state.detail = std::string(error.what()).substr(0, kMostDetail);
    }
    return candidate;
}

} // namespace

std::vector<CompiledCandidate> compile_candidates(const CandidateCompiler &compiler,
                                                  const std::vector<Knobs> &candidates, int jobs) {
    std::vector<CompiledCandidate> result(candidates.size());
    run_jobs(candidates.size(), jobs, [&](size_t i) { result[i] = compile(compiler, candidates[i]); });
    return result;
}

} // namespace afnet
