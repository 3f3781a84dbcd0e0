// --device where there is no such device: what is said, and what auto does.
#include <fstream>

#include "runtime/json.h"
#include "tests/program/program_run.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

const std::string kGolden = AFNET_GOLDEN_DIR "/mbv3_tsm_t8_s96.safetensors";

// A machine whose CUDA driver cannot be loaded.
Circumstances without_driver(const std::string &folder) {
    std::ofstream(folder + "/libcuda.so.1") << "no driver\n";
    Circumstances circumstances;
    circumstances.environment = {"LD_LIBRARY_PATH=" + folder};
    return circumstances;
}

// The fake driver's machine.
Circumstances with_driver(const std::vector<std::string> &more = {}) {
    Circumstances circumstances;
    circumstances.environment = more;
    circumstances.environment.push_back("LD_LIBRARY_PATH=" AFNET_FAKE_CUDA);
    return circumstances;
}

} // namespace

TEST_CASE("without a CUDA driver --device cuda is refused, and auto says so and runs on the CPU", "[program_device]") {
    const afnet::TemporaryFolder folder;
    const Circumstances none = without_driver(folder.path());
    for (Arguments command :
         {Arguments{"verify", kGolden}, Arguments{"bench", "network"}, Arguments{"classify", "no_such_video.mp4"}}) {
        command.insert(command.end(), {"--device", "cuda"});
        const ProgramRun run = run_program(command, none);
        INFO(run.err);
        CHECK(run.status == 1);
        CHECK_THAT(run.err, Contains("no CUDA: ") && Contains("install NVIDIA's driver") && Contains("--device cpu"));
    }
    const ProgramRun run = run_program({"verify", kGolden, "--device", "auto"}, none);
    INFO(run.err);
    CHECK(run.status == 0);
    CHECK_THAT(run.err, Contains("running on the CPU: no CUDA: "));
    CHECK(run_program({"verify", kGolden, "--quiet", "--device", "auto"}, none).err.empty());
}

TEST_CASE("a driver without a GPU that will do is refused in its words", "[program_device]") {
    const Arguments verify = {"verify", kGolden, "--device", "cuda"};
    check_refusal(run_program(verify, with_driver({"FAKE_CUDA_DEVICES=0"})), 1, "the driver shows no GPU");
    check_refusal(run_program(verify, with_driver({"FAKE_CUDA_FAIL=cuInit 100 0"})), 1, "the driver shows no GPU");
    check_refusal(run_program(verify, with_driver({"FAKE_CUDA_FAIL=cuInit 3 0"})), 1, "cuInit failed: fake failure");
    check_refusal(run_program(verify, with_driver({"FAKE_CUDA_FAIL=cuDevicePrimaryCtxRetain 2 0"})), 1,
                  "cuDevicePrimaryCtxRetain failed");
    check_refusal(run_program(verify, with_driver({"FAKE_CUDA_CAPABILITY=75"})), 1, "compute capability 7.5");
}

TEST_CASE("OpenCL without a driver is refused, and so are devices that nobody knows", "[program_device]") {
    Circumstances none;
    none.environment = {"OCL_ICD_VENDORS=/nonexistent"};
    check_refusal(run_program({"verify", kGolden, "--device", "opencl"}, none), 1, "no OpenCL: ");
    CHECK(run_program({"verify", kGolden, "--device", "tpu"}).status == 2);
    const ProgramRun bf16 = run_program({"verify", kGolden, "--device", "cuda", "--dtype", "bf16"}, with_driver());
    check_refusal(bf16, 1, "no kernels of dtype bf16");
}

TEST_CASE("auto runs on the CPU what has no kernels for the GPU, and says so once", "[program_device]") {
    const Arguments bench = {"bench", "network", "--frames", "2", "--size", "32", "--rounds", "1", "--seconds", "0.1"};
    const auto with = [&](const char *device, Arguments more) {
        Arguments all = bench;
        all.insert(all.end(), {"--device", device});
        all.insert(all.end(), more.begin(), more.end());
        return run_program(all, with_driver());
    };
    const Arguments uncompiled = {"--model", "resnet34"};
    const ProgramRun run = with("auto", uncompiled);
    INFO(run.err);
    CHECK(run.status == 0);
    const size_t said = run.err.find("afnet: running on the CPU: ");
    REQUIRE(said != std::string::npos);
    CHECK(run.err.find("running on the CPU", said + 20) == std::string::npos);
    CHECK_THAT(run.err, Contains("no library for target cuda-80 holds kernel "));
    Arguments quietly = uncompiled;
    quietly.push_back("--quiet"); // of a busy machine too
    check_refusal(with("cuda", quietly), 1, "no library for target cuda-80 holds kernel ");
    const ProgramRun bf16 = run_program({"verify", kGolden, "--device", "auto", "--dtype", "bf16"}, with_driver());
    CHECK_THAT(bf16.err, Contains("running on the CPU: --device cuda: no kernels of dtype bf16"));
}

TEST_CASE("auto takes a GPU that has all kernels, those of masks in space too", "[program_device]") {
    for (const Arguments &more : {Arguments{}, Arguments{"--rs", "0.5"}}) {
        Arguments bench = {"bench",  "network", "--json",   "--quiet", "--model",   "af_resnet50", "--frames", "2",
                           "--size", "32",      "--rounds", "1",       "--seconds", "0.1",         "--device", "auto"};
        bench.insert(bench.end(), more.begin(), more.end());
        const ProgramRun run = run_program(bench, with_driver());
        INFO(run.err);
        REQUIRE(run.status == 0);
        CHECK(nlohmann::json::parse(run.out).at("rows").at(0).at("device") == "Fake GPU");
    }
}

TEST_CASE("a library for a later GPU is none for an earlier one", "[program_device]") {
    const afnet::TemporaryFolder folder;
    std::ofstream(folder.file("a.cuda-86.json")) << "{}";
    const Arguments verify = {"verify", kGolden, "--device", "cuda"};
    const std::string kernels = "AFNET_KERNELS=" + folder.path();
    check_refusal(run_program(verify, with_driver({kernels, "FAKE_CUDA_CAPABILITY=80"})), 1,
                  "has no kernel library for");
    check_refusal(run_program(verify, with_driver({kernels})), 1, "not a kernel manifest");
}

TEST_CASE("info lists devices, or why there is none", "[program_device]") {
    const auto device = [](const ProgramRun &run, const std::string &word) {
        REQUIRE(run.status == 0);
        const nlohmann::json all = nlohmann::json::parse(run.out);
        for (const nlohmann::json &row : all.at("devices")) {
            if (row.at("device") == word) return row;
        }
        return nlohmann::json();
    };
    const nlohmann::json found = device(run_program({"info", "--json"}, with_driver()), "cuda");
    CHECK(found.at("name") == "Fake GPU");
    CHECK(found.at("memory_bytes") == size_t(8) << 30);
    CHECK(found.at("cuda_capability") == 86);
    CHECK(found.at("obstacle") == "");
    CHECK(found.at("vendor_libraries") == nlohmann::json{{"cuDNN", ""}, {"cuBLASLt", ""}});
    CHECK_THAT(run_program({"info"}, with_driver()).out, Contains("cuBLASLt") && Contains("--vendor-kernels"));
    const nlohmann::json old =
        device(run_program({"info", "--json"}, with_driver({"FAKE_CUDA_CAPABILITY=75"})), "cuda");
    CHECK_THAT(old.at("obstacle").get<std::string>(), Contains("compute capability 7.5"));
    const nlohmann::json bare =
        device(run_program({"info", "--json"}, with_driver({"AFNET_KERNELS=/nowhere"})), "cuda");
    CHECK_THAT(bare.at("obstacle").get<std::string>(), Contains("run `afnet compile --target cuda-80"));
    const afnet::TemporaryFolder folder;
    Circumstances none = without_driver(folder.path());
    none.environment.push_back("OCL_ICD_VENDORS=/nonexistent");
    const ProgramRun without = run_program({"info", "--json"}, none);
    for (const char *word : {"cuda", "opencl"}) {
        CHECK(device(without, word).at("name").is_null());
        CHECK_THAT(device(without, word).at("obstacle").get<std::string>(), Contains("install"));
    }
    CHECK(device(without, "cpu").at("obstacle") == "");
    const ProgramRun text = run_program({"info"}, none);
    CHECK_THAT(text.out, Contains("no CUDA: ") && Contains("no OpenCL: "));
}

TEST_CASE("--vendor-kernels has layers run by cuDNN and cuBLASLt, or says what is missing", "[program_device]") {
    const auto bench = [](Arguments more, const Circumstances &circumstances) {
        Arguments all = {"bench",  "network", "--json",   "--quiet", "--model",   "af_resnet50_tsm", "--frames", "2",
                         "--size", "32",      "--rounds", "1",       "--seconds", "0.1",             "--layers"};
        all.insert(all.end(), more.begin(), more.end());
        return run_program(all, circumstances);
    };
    const ProgramRun run = bench({"--device", "cuda", "--vendor-kernels", "tf32"}, with_driver());
    INFO(run.err);
    REQUIRE(run.status == 0);
    const nlohmann::json result = nlohmann::json::parse(run.out);
    int by_vendors = 0;
    for (const nlohmann::json &layer : result.at("layers"))
        by_vendors += layer.at("vendor") == "cuDNN tf32" || layer.at("vendor") == "cuBLASLt tf32";
    CHECK(by_vendors >= 40);
    CHECK(result.at("rows").at(0).at("vendor_steps") == by_vendors);
    const ProgramRun never = bench({"--device", "cuda", "--vendor-kernels", "never"}, with_driver());
    REQUIRE(never.status == 0);
    CHECK(nlohmann::json::parse(never.out).at("rows").at(0).at("vendor_steps") == 0);

    check_refusal(bench({"--vendor-kernels", "f32"}, {}), 2, "--vendor-kernels f32 needs --device cuda");
    CHECK(bench({"--device", "cuda", "--vendor-kernels", "tf23"}, with_driver()).status == 2);
    const afnet::TemporaryFolder folder;
    for (const char *name : {"libcudnn.so.9", "libcudnn.so.8"})
        std::ofstream(folder.file(name)) << "no library\n";
    Circumstances damaged;
    damaged.environment = {"LD_LIBRARY_PATH=" + folder.path() + ":" AFNET_FAKE_CUDA};
    check_refusal(bench({"--device", "cuda", "--vendor-kernels", "f32"}, damaged), 1, "no cuDNN: ");
    CHECK(bench({"--device", "cuda"}, damaged).status == 0); // records ask for none
}
