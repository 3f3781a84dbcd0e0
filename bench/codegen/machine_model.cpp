#include "bench/codegen/machine_model.h"

#include <algorithm>
#include <atomic>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"

namespace afnet {

namespace {

constexpr ProcessLimits kLimits = {60, 0};
constexpr int kIterations = 200;
constexpr size_t kMostDetail = 300;

std::string installed_program() {
    std::vector<std::string> names = {"llvm-mca"};
    for (int version = 19; version >= 14; version--)
        names.push_back("llvm-mca-" + std::to_string(version));
    for (const std::string &name : names) {
        if (run_process({name, "--version"}, kLimits).status == 0) return name;
    }
    return "";
}

std::string assembly_of(const LoopFigures &loop) {
    std::string text;
    for (const std::string &line : loop.text)
        text += "\t" + line + "\n";
    return text;
}

} // namespace

std::vector<std::string> model_processors(const Target &target) {
    if (isa_of(target) == Isa::Arm) return {"neoverse-n1", "cortex-a76"};
    const auto has = [&](const char *feature) {
        return std::count(target.features.begin(), target.features.end(), feature) > 0;
    };
    if (has("amxbf16")) return {"sapphirerapids"};
    if (has("avx512bf16")) return {"znver4", "sapphirerapids"};
    if (has("avx512f")) return {"skylake-avx512"};
    return {"skylake"};
}

MachineModel::MachineModel(std::string program, std::string processor)
    : program_(program.empty() ? installed_program() : std::move(program)), processor_(std::move(processor)) {}

std::string MachineModel::absence() const {
    if (!program_.empty()) return "";
    return "no predicted cycles: there is no llvm-mca here; Debian's package llvm-14 has it, newer ones know more "
           "processors";
}

LoopPrediction read_prediction(const std::string &json) {
    try {
        const auto document = nlohmann::json::parse(json);
        const auto &region = document.at("CodeRegions").at(0);
        const auto &summary = region.at("SummaryView");
        LoopPrediction prediction;
        prediction.processor = document.at("TargetInfo").at("CPUName").get<std::string>();
        prediction.cycles = summary.at("TotalCycles").get<double>() / summary.at("Iterations").get<double>();
        prediction.throughput_cycles = summary.at("BlockRThroughput").get<double>();
        prediction.instructions_per_cycle = summary.at("IPC").get<double>();
        const auto &names = document.at("TargetInfo").at("Resources");
        const size_t sums = region.at("Instructions").size(); // behind the instructions' own stand the sums
        for (const auto &entry : region.at("ResourcePressureView").at("ResourcePressureInfo")) {
            if (entry.at("InstructionIndex").get<size_t>() != sums) continue;
            prediction.pressure.emplace_back(names.at(entry.at("ResourceIndex").get<size_t>()).get<std::string>(),
                                             entry.at("ResourceUsage").get<double>());
        }
        std::stable_sort(prediction.pressure.begin(), prediction.pressure.end(),
                         [](const auto &a, const auto &b) { return a.second > b.second; });
        return prediction;
    } catch (const nlohmann::json::exception &error) {
        throw Error(std::string("llvm-mca: its output is not understood: ") + error.what());
    }
}

LoopPrediction MachineModel::predict(const LoopFigures &loop, const Target &target, const std::string &scratch) const {
    static std::atomic<size_t> number{0}; // loops are predicted by several threads
    const std::string stem = scratch + "/loop" + std::to_string(number++);
    write_file(stem + ".s", assembly_of(loop));
    const std::string triple = isa_of(target) == Isa::Arm ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
    std::string complaint;
    for (const std::string &processor :
         processor_.empty() ? model_processors(target) : std::vector<std::string>{processor_}) {
        const ProcessResult result =
            run_process({program_, "-mtriple=" + triple, "-mcpu=" + processor, "-json",
                         "-iterations=" + std::to_string(kIterations), "-o", stem + ".json", stem + ".s"},
                        kLimits);
        const bool known = result.output.find("is not a recognized processor") == std::string::npos;
        if (result.status == 0 && known) return read_prediction(read_file(stem + ".json"));
        complaint += (complaint.empty() ? "" : "; ") + result.output.substr(0, kMostDetail);
    }
    while (!complaint.empty() && complaint.back() == '\n')
        complaint.pop_back();
    throw Error(program_ + ": no prediction for " + target.name + ": " + complaint);
}

} // namespace afnet
