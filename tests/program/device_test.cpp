// --device where there is no such device: what is said, and what auto does.
#include <fstream>

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
