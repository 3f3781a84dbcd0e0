// `afnet bench kernels` and `bench sparsity` on devices, from runs too short to mean anything.
#include <cmath>
#include <filesystem>
#include <fstream>

#include "runtime/file_io.h"
#include "tests/program/program_run.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

Arguments kernels_on(const Arguments &more) {
    Arguments all = {"bench", "kernels", "--model", "af_mobilenetv3_tsm", "--frames", "4",         "--size",
                     "64",    "--json",  "-q",      "--filter",           "*.1.*",    "--seconds", "0.001"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

void check_row(const json &row, const std::string &device) {
    INFO(row.dump());
    CHECK(row.at("device") == device);
    CHECK(row.at("ms_median") > 0);
    CHECK(row.at("ms_p95") >= row.at("ms_median"));
    CHECK(row.at("bytes") > 0);
    CHECK((row.at("gmac") > 0) == (row.at("gmac_per_s") > 0));
    for (const char *unknown : {"percent_of_peak", "percent_of_memory", "cores"})
        CHECK(row.at(unknown).is_null());
}

} // namespace

TEST_CASE("bench kernels measures on OpenCL, beside a CPU, and its results can be compared", "[device_measurement]") {
    const ProgramRun run = run_program(kernels_on({"--rt", "0.5", "--target", "opencl", "x86-64"}));
    INFO(run.err);
    REQUIRE(run.status == 0);
    const json document = json::parse(run.out);
    const json &devices = document.at("machine").at("devices");
    REQUIRE(devices.size() == 1);
    CHECK(devices[0].at("target") == "opencl");
    CHECK(devices[0].at("interface") == "opencl");
    size_t on_device = 0, convolutions = 0;
    for (const json &row : document.at("rows")) {
        if (row.at("target") != "opencl") {
            CHECK(row.at("device").is_null());
            CHECK(row.at("percent_of_memory") > 0);
            continue;
        }
        check_row(row, devices[0].at("device"));
        on_device++;
        convolutions += row.at("convolution").get<bool>() ? row.at("count").get<size_t>() : 0;
    }
    CHECK(2 * on_device == document.at("rows").size());
    CHECK(convolutions > 3);
    REQUIRE(document.at("convolutions").size() == 2);
    CHECK(document.at("convolutions")[0].at("device") == devices[0].at("device"));
    CHECK(document.at("convolutions")[0].at("percent_of_peak").is_null());
    CHECK(document.at("convolutions")[0].at("gmac") == document.at("convolutions")[1].at("gmac"));

    const afnet::TemporaryFolder folder;
    const std::string before = folder.file("before.json"), after = folder.file("after.json");
    afnet::write_file(before, run.out);
    json other = document;
    other["machine"]["devices"][0]["device"] = "Another GPU";
    afnet::write_file(after, other.dump());
    const ProgramRun compared = run_program({"bench", "compare", before, after, "--json", "-q"});
    CHECK(compared.status == 0);
    CHECK_THAT(compared.out, Contains("the machines differ: device ") && Contains("Another GPU after"));
}

TEST_CASE("bench sparsity measures masks of frames on OpenCL, and leaves masks in space to CPUs", "[device_measurement]") {
    Arguments study = {"bench", "sparsity", "--json", "-q", "--model", "af_mobilenetv3_tsm", "--device", "opencl",
                       "--frames", "2", "--size", "32", "--rt", "0.5", "--rounds", "3", "--seconds", "1"};
    const afnet::TemporaryFolder folder;
    Arguments with_page = study;
    with_page.insert(with_page.end(), {"--out", folder.file("study")});
    const ProgramRun run = run_program(with_page);
    INFO(run.err);
    REQUIRE(run.status == 0);
    const json document = json::parse(run.out);
    CHECK(document.at("machine").at("devices").at(0).at("interface") == "opencl");
    CHECK(document.at("kernels").empty());
    const json &rows = document.at("rows");
    REQUIRE(rows.size() == 3); // without masks, half of the frames, all
    for (const json &row : rows) {
        CHECK(row.at("target") == "opencl");
        CHECK(row.at("samples") == 3);
    }
    CHECK(rows[1].at("realised_rt") == 0.5);
    CHECK(rows[1].at("gmac") < rows[2].at("gmac"));
    CHECK(rows[1].at("speedup_theory") > 1);
    CHECK(rows[1].at("share").is_number());
    // Steps add up to the run: what is between them is not told apart.
    for (const json &overhead : document.at("overheads")) {
        if (overhead.at("overhead") == "between kernels") CHECK(std::abs(overhead.at("ms").get<double>()) < 1e-6);
    }
    CHECK(std::filesystem::exists(folder.file("study/sparsity.html")));
    study.insert(study.end(), {"--rs", "0.5"});
    study[5] = "af_resnet50";
    check_refusal(run_program(study), 1, "masks in space are measured on CPUs only");
}

TEST_CASE("bench kernels measures pixels that masks in space select on OpenCL", "[device_measurement]") {
    const auto gmac = [](const char *rs) {
        const ProgramRun run =
            run_program({"bench",    "kernels", "--model",   "af_resnet50", "--frames", "2",
                         "--size",   "64",      "--json",    "-q",          "--filter", "conv2d_points_k3*",
                         "--target", "opencl",  "--seconds", "0.001",       "--rs",     rs,
                         "--grid",   "2"});
        INFO(run.err);
        REQUIRE(run.status == 0);
        double sum = 0;
        const json document = json::parse(run.out);
        for (const json &row : document.at("rows")) {
            CHECK(row.at("grid") == 2);
            sum += row.at("gmac").get<double>() * row.at("count").get<double>();
        }
        return sum;
    };
    const double half = gmac("0.5");
    CHECK(half > 0);
    CHECK(gmac("1") == Approx(2 * half));
}

TEST_CASE("bench kernels measures on a CUDA driver that computes nothing, and says what is missing",
          "[program_device]") {
    Circumstances fake;
    fake.environment = {"LD_LIBRARY_PATH=" AFNET_FAKE_CUDA};
    const ProgramRun run = run_program(kernels_on({"--target", "cuda-80", "--threads", "1"}), fake);
    INFO(run.err);
    REQUIRE(run.status == 0);
    const json document = json::parse(run.out);
    CHECK(document.at("machine").at("devices") ==
          json{{{"target", "cuda-80"}, {"device", "Fake GPU"}, {"interface", "cuda"}}});
    CHECK_FALSE(document.at("rows").empty());
    for (const json &row : document.at("rows"))
        check_row(row, "Fake GPU");

    Circumstances none;
    const afnet::TemporaryFolder folder;
    std::ofstream(folder.file("libcuda.so.1")) << "no driver\n";
    none.environment = {"LD_LIBRARY_PATH=" + folder.path(), "OCL_ICD_VENDORS=/nonexistent"};
    check_refusal(run_program(kernels_on({"--target", "cuda-80"}), none), 1, "target cuda-80: no CUDA: ");
    check_refusal(run_program(kernels_on({"--target", "opencl"}), none), 1, "target opencl: no OpenCL: ");
    check_refusal(run_program(kernels_on({"--target", "cuda-80", "--cold"}), fake), 2, "--cold sweeps");
    fake.environment.push_back("AFNET_KERNELS=" + folder.path());
    check_refusal(run_program(kernels_on({"--target", "cuda-80"}), fake), 1, folder.path());
}
