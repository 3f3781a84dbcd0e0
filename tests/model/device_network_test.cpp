// Whole networks on devices: OpenCL on PoCL against the reference, and what a network asks of CUDA's driver, which
// computes nothing here.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "model/clip_macs.h"
#include "model/interface/focal_block.h"
#include "runtime/arena.h"
#include "runtime/error.h"
#include "tests/fake_cuda/fake_driver.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"
#include "tests/model/network_run.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Contains;

namespace {

constexpr double kTolerance = 2e-5; // tests/golden/README.md

double relative_difference(const reference::NamedTensor &actual, const reference::NamedTensor &expected) {
    double largest = 0, difference = 0;
    REQUIRE(actual.data.size() == expected.data.size());
    for (size_t i = 0; i < expected.data.size(); i++) {
        largest = std::max(largest, std::abs(expected.data[i]));
        difference = std::max(difference, std::abs(actual.data[i] - expected.data[i]));
    }
    return difference / std::max(largest, 1e-30);
}

std::unique_ptr<Network> open_on(GpuInterface gpu, const NetworkRun &run) {
    for (const Target &target : targets()) {
        if (target.gpu == gpu) return open_network(run, target);
    }
    throw Error("no target of that interface");
}

std::string all_calls() {
    std::string text;
    for (const std::string &line : fake_calls())
        text += line + "\n";
    return text;
}

void check_on_opencl(const NetworkRun &run) {
    INFO(run.text());
    const auto network = open_on(GpuInterface::OpenCl, run);
    const reference::Outputs expected = expected_outputs(run);
    for (int again = 0; again < 2; again++) {
        const reference::Outputs outputs = outputs_of(*network);
        for (const auto &[name, tensor] : expected) {
            INFO(name);
            if (outputs.count(name) == 0 && !run.shape.taps && name.find("logits") == std::string::npos) continue;
            REQUIRE(outputs.count(name) == 1);
            CHECK(relative_difference(outputs.at(name), tensor) <= kTolerance);
        }
    }
}

// Relative to the largest number.
double largest_difference(const std::vector<float> &actual, const std::vector<float> &expected) {
    return relative_difference({{}, {actual.begin(), actual.end()}}, {{}, {expected.begin(), expected.end()}});
}

// With patches of a grid in random frames.
NetworkRun spatial_run(bool shift, int grid, PatchShape patches, double rs) {
    NetworkRun run = small_run(shift, Masks::Random);
    run.shape.forced_grid = grid;
    run.patches = patches;
    run.rs = rs;
    return run;
}

// The shipped AF-MobileNetV3 on small clips.
NetworkRun mobile_run(Masks masks, Unselected unselected) {
    NetworkRun run = small_run(true, masks, unselected);
    run.description = shipped_model("af_mobilenetv3_tsm");
    run.shape.frames = 3;
    run.shape.width = 48;
    return run;
}

} // namespace

TEST_CASE("a small network on OpenCL equals the reference", "[device_network]") {
    for (const bool shift : {false, true}) {
        for (const Masks masks : {Masks::Navigation, Masks::Random}) {
            NetworkRun run = small_run(shift, masks, shift ? Unselected::Skipped : Unselected::Masked);
            run.shape.taps = masks == Masks::Random;
            check_on_opencl(run);
        }
    }
}

TEST_CASE("AF-MobileNetV3 on OpenCL equals the reference under every mask, masked and skipped", "[device_network]") {
    for (const Masks masks : {Masks::Navigation, Masks::None, Masks::All, Masks::Random}) {
        for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped})
            check_on_opencl(mobile_run(masks, unselected));
    }
}

TEST_CASE("soft weights of frames on OpenCL equal the reference", "[device_network]") {
    for (const Masks masks : {Masks::Navigation, Masks::Random}) { // random ones are hard
        NetworkRun run = small_run(true, masks);
        run.description = small_soft_af_resnet();
        run.shape.taps = true;
        check_on_opencl(run);
    }
}

TEST_CASE("masks in space on OpenCL equal the reference, masked and skipped", "[device_network]") {
    for (const bool shift : {false, true}) {
        for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped}) {
            for (const bool taps : {false, true}) {
                NetworkRun run = spatial_run(shift, 7, PatchShape::Random, .4);
                run.shape.unselected = unselected;
                run.shape.taps = taps;
                check_on_opencl(run);
            }
        }
    }
    for (const PatchShape patches : {PatchShape::None, PatchShape::All, PatchShape::Border, PatchShape::Blob}) {
        NetworkRun run = spatial_run(true, 3, patches, .3);
        check_on_opencl(run);
        run.masks = Masks::None;
        check_on_opencl(run);
    }
    NetworkRun shared = spatial_run(true, 4, PatchShape::Random, .4);
    shared.description.temporal_masks = TemporalMasks::Shared;
    check_on_opencl(shared);
}

// Its kernels have whole vectors and blocks of channels.
TEST_CASE("AF-ResNet-50 with masks in space on OpenCL equals the reference", "[device_network]") {
    NetworkRun run = spatial_run(true, 7, PatchShape::Blob, .5);
    run.description = shipped_model("af_resnet50_tsm");
    run.shape.frames = 2;
    run.shape.clips = 1;
    run.shape.width = 64;
    run.shape.height = 48;
    check_on_opencl(run);
}

TEST_CASE("navigations in space on OpenCL decide as on the CPU", "[device_network]") {
    for (const MaskKind kind : {MaskKind::Spatial, MaskKind::Both}) {
        for (const Masks masks : {Masks::Navigation, Masks::Noisy}) {
            for (const Unselected unselected : {Unselected::Masked, Unselected::Skipped}) {
                NetworkRun run = small_run(true, masks, unselected);
                run.description.masks = kind;
                run.description.grid = 5;
                INFO(run.text());
                const auto device = open_on(GpuInterface::OpenCl, run),
                           cpu = open_network(run, targets_for(run).back());
                cpu->set_break_even(2); // never whole
                device->run();
                cpu->run();
                CHECK(device->masks() == cpu->masks());
                CHECK(device->patch_masks() == cpu->patch_masks());
                for (int clip = 0; clip < run.shape.clips; clip++) {
                    CHECK(largest_difference(device->clip_logits(clip), cpu->clip_logits(clip)) <= kTolerance);
                }
                const std::vector<double> macs = clip_macs(*device);
                CHECK(macs[0] + macs[1] == Approx(device->macs()).epsilon(1e-12));
            }
        }
    }
}

TEST_CASE("results of a device are those that it computed last, and inputs those that were written",
          "[device_network]") {
    const NetworkRun run = small_run(true, Masks::All);
    const auto network = open_on(GpuInterface::OpenCl, run);
    network->run();
    const std::vector<float> all = network->clip_logits(1);
    const double macs = network->macs();
    const std::vector<int> none(size_t(run.shape.flat_frames()), 0);
    for (size_t block = 0; block < network->lowered().selections.size(); block++)
        network->force_mask(block, none);
    network->run();
    CHECK(network->clip_logits(1) != all);
    CHECK(network->macs() < macs);
    const std::vector<int> every(size_t(run.shape.flat_frames()), 1);
    for (size_t block = 0; block < network->lowered().selections.size(); block++)
        network->force_mask(block, every);
    network->run();
    CHECK(network->clip_logits(1) == all);
    CHECK(network->macs() == macs);
}

TEST_CASE("a clip is copied to the device, and its results back, once; nothing waits between", "[device_network]") {
    const FakeCuda &fake = fresh_fake_cuda();
    NetworkRun run = small_run(true, Masks::Navigation);
    run.description.masks = GENERATE(MaskKind::Temporal, MaskKind::Both);
    INFO(run.text());
    const auto network = open_on(GpuInterface::Cuda, run);
    CHECK_FALSE(fake_calls("load_module 255").empty());
    CHECK(fake_calls("load_module").size() == fake_calls("load_module 255").size());
    network->run(); // records the graph
    const std::vector<std::string> recorded = fake_calls("record");
    fake.reset();
    network->fill_recipe_video(3);
    network->run();
    network->masks();
    network->patch_masks();
    network->clip_logits(0);
    network->probabilities(1);
    network->macs();
    INFO(all_calls());
    const std::vector<std::string> calls = fake_calls();
    REQUIRE(calls.size() > 20);
    const TensorInfo &video = network->lowered().plan.tensors[size_t(network->lowered().video)];
    CHECK(fake_calls("to_device") == std::vector<std::string>{"to_device " + std::to_string(stored_bytes(video))});
    CHECK(fake_calls("to_host").size() == 1);
    CHECK(fake_calls("synchronize").size() == 1);
    CHECK(fake_calls("allocate").empty());
    CHECK(fake_calls("load_module").empty());
    // First the stream, which is noted where it changes, and the clip; last the results.
    CHECK(calls[1].rfind("to_device", 0) == 0);
    CHECK(calls[calls.size() - 2].rfind("to_host", 0) == 0);
    CHECK(calls.back() == "synchronize");
    CHECK(calls[2] == "graph");
    CHECK(fake_calls("launch").size() == calls.size() - 5);
    CHECK(fake_calls("launch").size() == recorded.size());
    CHECK(recorded.size() >= network->lowered().plan.steps.size());
    // Where a step is looked at, and where the driver cannot record, each kernel is launched.
    fake.reset();
    network->run([](const StepReport &) {});
    CHECK(fake_calls("graph").empty());
    CHECK(fake_calls("launch").size() == recorded.size());
    network->use_gumbel(false); // another scalar: recorded anew
    fake.fail("cuStreamBeginCapture_v2", 801, 0);
    network->run();
    CHECK(fake_calls("graph").empty());
    CHECK(fake_calls("launch").size() == 2 * recorded.size());
}

TEST_CASE("inputs that were sent are not copied again by the run", "[device_network]") {
    const FakeCuda &fake = fresh_fake_cuda();
    const NetworkRun run = small_run(true, Masks::All);
    const auto network = open_on(GpuInterface::Cuda, run);
    network->run();
    network->force_mask(0, std::vector<int>(size_t(run.shape.flat_frames()), 0));
    fake.reset();
    network->executor().send_inputs();
    CHECK(fake_calls("to_device").size() == 1);
    CHECK(fake_calls().back() == "synchronize");
    fake.reset();
    network->run();
    CHECK(fake_calls("to_device").empty());
    CHECK(fake_calls("launch").size() > 20);
}

TEST_CASE("kernels that GPUs have no schedules for are named", "[device_network]") {
    KernelStore store(AFNET_TEST_KERNELS, target_named("opencl"));
    CHECK(store.lack_of({KernelSpec("sgd_step"), KernelSpec("work_list")}) ==
          "no schedules for GPUs of sgd_step (docs/gpu.md)");
    CHECK_THROWS_WITH(store.kernel(KernelSpec("sgd_step"), kTestLibrary),
                      Contains("sgd_step has no schedule for GPUs; take --device cpu"));
}

TEST_CASE("launches do not depend on masks, and no grid is empty", "[device_network]") {
    const FakeCuda &fake = fresh_fake_cuda();
    NetworkRun spatial = spatial_run(true, 4, PatchShape::None, 0);
    spatial.masks = Masks::None;
    for (const NetworkRun &run : {small_run(true, Masks::None), mobile_run(Masks::None, Unselected::Masked), spatial}) {
        INFO(run.text());
        const auto network = open_on(GpuInterface::Cuda, run);
        std::vector<std::vector<std::string>> launches;
        for (const int selected : {0, 1}) {
            const std::vector<int> mask(size_t(run.shape.flat_frames()), selected);
            for (size_t block = 0; block < network->lowered().selections.size(); block++)
                network->force_mask(block, mask);
            const size_t patches = size_t(network->grid()) * size_t(network->grid()) * mask.size();
            for (size_t block = 0; block < network->lowered().patches.size(); block++)
                network->force_patches(block, std::vector<int>(patches, selected));
            fake.reset();
            network->run();
            launches.push_back(fake_calls("launch"));
        }
        CHECK(launches[0].size() >= network->lowered().plan.steps.size());
        CHECK(launches[0] == launches[1]);
    }
}

TEST_CASE("each fault of a device is one error, and the process goes on", "[device_network]") {
    const FakeCuda &fake = fresh_fake_cuda();
    const NetworkRun run = small_run(true, Masks::Navigation);
    // More memory than what freed blocks of other tests leave.
    fake.fail("cuMemAlloc_v2", kOutOfMemory, 0);
    CHECK_THROWS_WITH(open_on(GpuInterface::Cuda, run), Contains("cannot allocate") && Contains("Fake GPU") &&
                                                            Contains("OUT_OF_MEMORY") && Contains("--device cpu"));
    fake.reset();
    const auto network = open_on(GpuInterface::Cuda, run);
    fake.fail("cuLaunchKernel", 701, 5); // launch out of resources
    CHECK_THROWS_WITH(network->run(),
                      Contains("step ") && Contains("failed on Fake GPU") && Contains("cuLaunchKernel"));
    fake.reset();
    CHECK_NOTHROW(network->run());
    fake.fail("cuGraphLaunch", kLaunchFailed, 0);
    CHECK_THROWS_WITH(network->run(), Contains("a launch of all kernels failed") && Contains("--device cpu"));
    fake.reset();
    fake.fail("cuStreamSynchronize", kLaunchFailed, 0);
    CHECK_THROWS_WITH(network->run(), Contains("a kernel failed on Fake GPU") && Contains("LAUNCH_FAILED"));
    CHECK_THROWS_WITH(network->run(), Contains("failed on Fake GPU"));
    fake.reset();
    CHECK_NOTHROW(network->run());
}

TEST_CASE("a focal block on CUDA works on the caller's memory and stream", "[device_network]") {
    const FakeCuda &fake = fresh_fake_cuda();
    const std::string folder = std::string(AFNET_FIXTURES) + "/models/";
    const afnet_focal_block_shape shape = {5, 3, 2, 1};
    for (const bool shift : {false, true}) {
        // Its last block has no projection: where kernels compute nothing, the input comes back.
        const std::string model = folder + (shift ? "small_af_resnet_tsm.json" : "small_af_resnet.json");
        INFO(model);
        const afnet_focal_block_choice choice = {model.c_str(), "layer3.refine_module.1", nullptr, "cuda",
                                                 AFNET_TEST_KERNELS};
        afnet_focal_block *block = nullptr;
        const int status = afnet_focal_block_open(&choice, &block);
        INFO(afnet_error());
        REQUIRE(status == 0);
        int in = 0, out = 0;
        afnet_focal_block_channels(block, &in, &out);
        const size_t count = size_t(in) * 30, bytes = count * sizeof(float);
        AlignedBytes memory; // the made-up driver's devices use the host's
        memory.resize(2 * bytes + 512);
        const uintptr_t begin = (reinterpret_cast<uintptr_t>(memory.data()) + 127) / 128 * 128;
        float *const input = reinterpret_cast<float *>(begin), *const output = input + (count + 31) / 32 * 32;
        for (size_t i = 0; i < count; i++)
            input[i] = float(i);
        const uint8_t selected[] = {1, 0};
        int stream = 0;
        for (int round = 0; round < 3; round++) {
            fake.reset();
            std::fill_n(output, count, -1.0f);
            const int ran = afnet_focal_block_run_on_stream(block, &shape, input, selected, output, &stream);
            INFO(afnet_error() << all_calls());
            REQUIRE(ran == 0);
            CHECK(std::equal(input, input + count, output));
            char name[64];
            std::snprintf(name, sizeof name, "stream %p", static_cast<void *>(&stream));
            CHECK(fake_calls("stream").back() == name);
            CHECK(fake_calls("launch").size() >= 4); // the list, and three convolutions
            CHECK(fake_calls().back() == "synchronize");
            if (round == 0) continue; // which packs weights
            CHECK(fake_calls("to_host").empty());
            CHECK(fake_calls("to_device").size() == 1); // the mask
            CHECK(fake_calls("on_device").size() >= (shift ? 2 : 1));
        }
        CHECK(afnet_focal_block_run(block, &shape, input, selected, output) != 0);
        CHECK_THAT(afnet_error(), Contains("opened for CUDA"));
        CHECK(afnet_focal_block_run_on_stream(block, &shape, input, selected, output, nullptr) == 0);
        CHECK(fake_calls("stream").back() == "stream 0x1"); // the default one
        if (!shift) {
            CHECK(afnet_focal_block_run_on_stream(block, &shape, input, selected, output + 1, nullptr) != 0);
            CHECK_THAT(afnet_error(), Contains("multiple of 128 bytes"));
        }
        afnet_focal_block_close(block);
    }
}
