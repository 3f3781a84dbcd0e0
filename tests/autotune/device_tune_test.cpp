// `afnet tune` for devices: on OpenCL, which is PoCL where there is no GPU, and on a CUDA driver that computes nothing.
#include <algorithm>
#include <fstream>
#include <map>

#include "autotune/model_arguments.h"
#include "autotune/records.h"
#include "autotune/step_contest.h"
#include "autotune/workload.h"
#include "model/network.h"
#include "model/recipe.h"
#include "tests/autotune/tuning_run.h"
#include "tests/kernel_targets.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

const char *kKernel = "conv2d_k3s2g1_8x8_relu";

// Four points of the knobs that its schedule for GPUs asks for; the automatic ones are among them.
const Arguments kFourPoints = {"--only",   "algorithm=1", "co_block=8,16", "tile_x=4,8", "threads=128",
                               "--budget", "9",           "--gain",        "99"};

Arguments on_target(const std::string &target, Arguments more) {
    more.insert(more.end(), {"--target", target});
    return more;
}

// Of a machine with the fake driver, and what the measuring processes ask of it.
class FakeCudaMachine {
public:
    Arguments environment(const std::string &fault = "") const {
        Arguments all = {"LD_LIBRARY_PATH=" AFNET_FAKE_CUDA, "FAKE_CUDA_LOG=" + (folder_ / "calls")};
        if (!fault.empty()) all.push_back("FAKE_CUDA_FAIL=" + fault);
        return all;
    }
    std::vector<std::string> calls() const {
        std::vector<std::string> words;
        std::ifstream in(folder_ / "calls");
        for (std::string line; std::getline(in, line);) {
            const std::string word = line.substr(0, line.find(' '));
            if (word != "stream") words.push_back(word);
        }
        return words;
    }

private:
    ScratchFolder folder_;
};

} // namespace

TEST_CASE("a search on OpenCL measures the knobs of GPUs, names the device and resumes from its log",
          "[device_measurement]") {
    const Tuning tuning;
    const Json first = tuning.document(kKernel, on_target("opencl", kFourPoints));
    const std::string device = first.at("machine").at("device");
    CHECK(first.at("machine") == Json{{"device", device}, {"interface", "opencl"}, {"target", "opencl"}});
    bool listed = false;
    const Json info = Json::parse(run_program({"info", "--json"}).out);
    for (const Json &known : info.at("devices"))
        listed = listed || (known.at("device") == "opencl" && known.at("name") == device);
    CHECK(listed);

    const Json row = first.at("rows").at(0);
    CHECK(row.at("space") == 4);
    CHECK(row.at("outcomes") == Json{{"ok", 4}});
    CHECK(row.at("measured_now") == 4);
    CHECK(row.at("automatic_ms") > 0);
    CHECK(row.at("percent_of_peak").is_null());
    CHECK(row.at("record") == "none"); // nothing saves 99 percent
    CHECK(names_in(tuning.records()).empty());

    const std::vector<Json> lines = tuning.log_lines();
    REQUIRE(lines.size() >= 4);
    for (const Json &line : lines) {
        CHECK(line.at("device") == device);
        CHECK(line.at("interface") == "opencl");
        CHECK(line.at("target") == "opencl");
        CHECK_FALSE(line.contains("cpu"));
        CHECK_FALSE(line.contains("threads"));
        CHECK(line.at("ms").size() == 3);
        CHECK(line.at("peak_gmac_per_s") == 0);
        CHECK(line.at("difference") <= 2e-5);
    }
    CHECK(lines.front().at("resolved") == Json{{"algorithm", 1}, {"co_block", 16}, {"threads", 128}, {"tile_x", 8}});

    CHECK(tuning.row(kKernel, on_target("opencl", kFourPoints)).at("measured_now") == 0);
    CHECK(tuning.log_lines().size() == lines.size());
}

TEST_CASE("kernels at points are tuned on OpenCL as masks in space select pixels", "[device_measurement]") {
    const Tuning tuning;
    const Json row = tuning.row("conv2d_points*_16x16_*_gather",
                                on_target("opencl", {"--rs", "0.25", "--grid", "4", "--budget", "2", "--gain", "99"}));
    CHECK(row.at("outcomes").at("ok") == 2);
    CHECK_THAT(row.at("shapes")[0].at("shape").get<std::string>(), Contains("128 selected, 0.25 of 4x4 patches"));
}

TEST_CASE("on OpenCL variants of every step agree, before and after they were timed", "[device_measurement]") {
    Runs runs;
    runs.models = described_models({fixture("models/small_af_resnet_tsm.json")});
    runs.size = 64;
    runs.ratios = {0.5};
    runs.target = target_named("opencl");
    KernelStore &kernels = test_kernel_store(runs.target);
    const std::vector<KernelStore *> variants = {&kernels, &kernels};
    size_t in_place = 0;
    for (const bool in_space : {false, true}) {
        if (in_space) {
            runs.patch_ratios = {0.25};
            runs.grid = 4;
        }
        for (const Workload &workload : workloads(runs, {"conv2d*16x16*", "conv2d*16x64*", "fuse*", "*_list*"})) {
            INFO(workload.kernel.name());
            const Occurrence occurrence = occurrence_from(occurrence_json(workload.occurrences.front()));
            REQUIRE(occurrence.run.on_gpu);
            StepContest contest(occurrence, variants, 1);
            CHECK(contest.differences() == std::vector<double>{0, 0});
            const auto ms = contest.time({2, 1});
            REQUIRE(ms.size() == 2);
            CHECK(ms[0].size() == 2);
            // What works in place must start from the same data again, however often each variant ran.
            CHECK(contest.differences() == std::vector<double>{0, 0});
            in_place += workload.kernel.params.count("add_residual");
        }
    }
    CHECK(in_place > 0);
}

TEST_CASE("a record for OpenCL is compiled, and the network computes the same with it", "[device_measurement]") {
    const ScratchFolder folder;
    const std::string records = folder / "records", output = folder / "kernels";
    const Knobs knobs = {{"co_block", 8}, {"tile_x", 3}};
    write_record(records, "opencl", kKernel, knobs, {});
    const ProgramRun run =
        run_program({"compile", "--model", fixture("models/small_af_resnet.json"), "--target", "opencl", "--records",
                     records, "--output", output, "--cache", AFNET_KERNEL_CACHE});
    INFO(run.err);
    REQUIRE(run.status == 0);
    KernelStore tuned(output, target_named("opencl"));
    bool found = false;
    const std::vector<Manifest> manifests = tuned.manifests();
    for (const KernelEntry &kernel : manifests.at(0).kernels) {
        if (kernel.spec.name() != kKernel) continue;
        found = true;
        CHECK(kernel.knobs.at("co_block") == 8);
        CHECK(kernel.knobs.at("tile_x") == 3);
    }
    CHECK(found);

    RunShape shape;
    shape.frames = 4;
    shape.width = shape.height = 64;
    const ModelDescription description = described_models({fixture("models/small_af_resnet.json")}).front();
    std::vector<std::vector<float>> logits;
    for (KernelStore *kernels : {&tuned, &test_kernel_store(runnable_targets().front())}) {
        Network network(description, shape, *kernels, recipe_weights(1));
        network.fill_recipe_video(1);
        network.run();
        logits.push_back(network.clip_logits(0));
    }
    REQUIRE(logits[0].size() == logits[1].size());
    for (size_t i = 0; i < logits[0].size(); i++)
        CHECK(logits[0][i] == Approx(logits[1][i]).epsilon(1e-4).margin(1e-4));
}

#ifdef AFNET_FAULTY_GENERATORS
TEST_CASE("whatever a candidate does on a device is an outcome, and a winner's record names the device",
          "[device_measurement]") {
    const Tuning tuning;
    const Arguments faulty =
        on_target("opencl", {"--generators", AFNET_FAULTY_GENERATORS, "--cache", tuning.cache(), "--budget", "20"});
    Arguments some = faulty;
    some.insert(some.end(), {"--only", "fault=1,2,3,4,8,11", "--gain", "99"});
    tuning.row("linear_sigmoid", some);
    std::map<int, Json> outcomes; // by fault
    for (const Json &line : tuning.log_lines()) {
        if (!line.at("knobs").empty() && !line.contains("final"))
            outcomes[line.at("knobs").at("fault").get<int>()] = line.at("outcome");
    }
    CHECK(outcomes ==
          std::map<int, Json>{{1, "same"}, {2, "ok"}, {3, "wrong"}, {4, "refused"}, {8, "crash"}, {11, "failed"}});

    // The automatic kernel waits for milliseconds.
    Arguments quick = faulty;
    quick.insert(quick.end(), {"--only", "fault=1"});
    CHECK(tuning.row("linear_relu", quick).at("record") == "written");
    const Json record = Json::parse(contents_of(record_path(tuning.records(), "opencl", "linear_relu")));
    CHECK(record.at("knobs").at("fault") == 1);
    const Json &measured = record.at("measured");
    CHECK(measured.at("interface") == "opencl");
    CHECK(measured.at("device") == tuning.log_lines().front().at("device"));
    for (const char *field : {"cpu", "threads", "percent_of_peak"})
        CHECK_FALSE(measured.contains(field));
}
#endif

TEST_CASE("on CUDA a sample is one graph of kernels alone, which is waited for once", "[program_device]") {
    const FakeCudaMachine machine;
    const Tuning tuning(machine.environment());
    // In place: what is restored is copied before the time begins.
    const Json document = tuning.document(
        "conv2d_k1s1g1_8x32_linear_add_residual",
        on_target("cuda-80", {"--only", "algorithm=1", "co_block=8,16", "tile_x=4", "threads=128", "--budget", "9",
                              "--gain", "99"}));
    CHECK(document.at("machine") == Json{{"device", "Fake GPU"}, {"interface", "cuda"}, {"target", "cuda-80"}});
    CHECK(document.at("rows").at(0).at("outcomes") == Json{{"ok", 3}});
    for (const Json &line : tuning.log_lines())
        CHECK(line.at("device") == "Fake GPU");

    const std::vector<std::string> calls = machine.calls();
    size_t long_samples = 0;
    for (auto at = calls.begin(); (at = std::find(at, calls.end(), "graph")) != calls.end();) {
        size_t launches = 0;
        const std::string before = at == calls.begin() ? "" : *(at - 1);
        for (at++; at != calls.end() && *at == "launch"; at++)
            launches++;
        REQUIRE(at != calls.end());
        CHECK(*at == "synchronize");
        if (launches <= 100) continue;
        CHECK((before == "synchronize" || before == "record"));
        long_samples++;
    }
    CHECK(long_samples >= 3 * 2 * 3); // contests, variants, rounds
}

TEST_CASE("what fails on a device is told, and is not the tuner's end", "[program_device]") {
    const auto fault_of = [](const std::string &fault, const char *outcome) {
        const FakeCudaMachine machine;
        const Tuning tuning(machine.environment(fault));
        const Json row = tuning.row(kKernel, on_target("cuda-80", kFourPoints), 1);
        CHECK(row.at("outcomes") == Json{{outcome, 1}});
        return row.at("fault").get<std::string>();
    };
    CHECK_THAT(fault_of("cuLaunchKernel 719 0", "failed"), Contains("failed on Fake GPU"));
    CHECK_THAT(fault_of("cuModuleLoadDataEx 218 0", "failed"), Contains("failed on Fake GPU"));
    CHECK_THAT(fault_of("cuMemAlloc_v2 2 0", "memory"), Contains("cannot allocate") && Contains("on Fake GPU"));
}

TEST_CASE("vendors' kernels are candidates on CUDA, and fail where there is no such library", "[program_device]") {
    const Arguments with_vendors = on_target("cuda-80", {"--only", "algorithm=1", "co_block=8", "tile_x=8", "threads=128",
                                                         "--budget", "9", "--vendor-kernels", "tf32"});
    const auto outcome_of_vendors = [&](const std::string &fault) {
        const FakeCudaMachine machine;
        const Tuning tuning(machine.environment(fault));
        const Json row = tuning.row(kKernel, with_vendors);
        CHECK(row.at("record") == "none");
        Json found;
        for (const Json &line : tuning.log_lines()) {
            if (line.at("knobs").contains("vendor")) found = line;
        }
        REQUIRE(found.is_object());
        CHECK(found.at("knobs") == Json{{"vendor", 2}, {"rounding", 2}});
        return found;
    };
    // The stand-in for cuDNN computes; the kernel that it is compared with does not, on a driver that computes nothing.
    const Json wrong = outcome_of_vendors("");
    CHECK(wrong.at("outcome") == "wrong");
    CHECK(wrong.at("resolved").at("vendor") == 2);
    const Json absent = outcome_of_vendors("cudnnCreate 1001 0");
    CHECK(absent.at("outcome") == "failed");
    CHECK_THAT(absent.at("detail").get<std::string>(), Contains("cuDNN tf32 is not installed"));

    const FakeCudaMachine machine;
    const Tuning tuning(machine.environment());
    write_record(tuning.records(), "cuda-80", kKernel, {{"vendor", 2}}, {});
    CHECK(tuning.row(kKernel, on_target("cuda-80", kFourPoints)).at("record") == "unusable");
    check_refusal(tuning.run(kKernel, on_target("opencl", {"--vendor-kernels", "f32"})), 2, "needs --target cuda-80");
}

TEST_CASE("tune says what is missing for a device, and lists without one", "[program_device]") {
    const ScratchFolder folder;
    std::ofstream(folder / "libcuda.so.1") << "no driver\n";
    const Tuning none({"LD_LIBRARY_PATH=" + (folder / "."), "OCL_ICD_VENDORS=/nonexistent"});
    check_refusal(none.run(kKernel, on_target("cuda-80", {})), 1, "target cuda-80: no CUDA: ");
    check_refusal(none.run(kKernel, on_target("opencl", {})), 1, "target opencl: no OpenCL: ");
    CHECK_FALSE(std::filesystem::exists(none.log()));
    const ProgramRun list = none.run("conv2d_points*scatter", on_target("opencl", {"--dry-run", "--rs", "0.25"}));
    CHECK(list.status == 0);
    CHECK_THAT(list.out, Contains("patches of 2 frames"));
    const Tuning old({"LD_LIBRARY_PATH=" AFNET_FAKE_CUDA, "FAKE_CUDA_CAPABILITY=80"});
    check_refusal(old.run(kKernel, on_target("cuda-86", {})), 1, "compute capability 8.0; its kernels need 8.6");
    check_refusal(old.run(kKernel, on_target("cuda-80", {"--dtype", "bf16"})), 2, "hold no kernels of bf16");
}
