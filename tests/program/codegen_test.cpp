// afnet codegen: what it writes, prints and refuses.
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "tests/program/program_run.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

const char *const kKernel = "conv2d_k1s1g1_64x32_relu_gather_shift";

Arguments codegen(const Arguments &more) {
    Arguments arguments = {"codegen", "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

std::string first_line(const std::string &path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

} // namespace

TEST_CASE("codegen emits a kernel for two architectures and counts its code", "[program_codegen]") {
    const afnet::TemporaryFolder folder;
    const std::string out = folder.path() + "/deep/code", page = folder.path() + "/page.html";
    const ProgramRun run =
        run_program(codegen({kKernel, "--target", "x86-64-avx2", "arm-64", "--out", out, "--html", page, "--json"}));
    INFO(run.err);
    REQUIRE(run.status == 0);
    std::vector<std::string> expected;
    for (const char *target : {"arm-64", "x86-64-avx2"}) {
        for (const char *extension : {".ll", ".o", ".s", ".stmt", ".stmt.html"})
            expected.push_back(std::string(kKernel) + "." + target + extension);
    }
    CHECK(names_in(out) == expected); // and nothing unfinished
    CHECK_THAT(first_line(page), Contains("DOCTYPE"));
    const Json rows = Json::parse(run.out).at("rows");
    REQUIRE(rows.size() == 2);
    const Json &avx2 = rows[0], &arm = rows[1];
    CHECK(avx2.at("all").at("fma").contains("vfmadd231ps"));
    CHECK(avx2.at("all").at("dominant_width") == 256);
    CHECK(arm.at("all").at("fma").contains("fmla"));
    CHECK(arm.at("all").at("dominant_width") == 128);
    for (const Json &row : rows) {
        const Json &loop = row.at("loops").at(row.at("main_loop").get<size_t>());
        // Automatic tiles: 16 channels by 6 columns. A step of the reduction has a product for each pair.
        const int vectors = 16 / (row.at("target") == "arm-64" ? 4 : 8);
        CHECK(loop.at("classes").at("fma") == 6 * vectors);
        CHECK(row.at("resolved").at("co_block") == 16);
        CHECK(row.at("innermost").at("frame_stores") == 0);
        CHECK(row.at("code_bytes") > 4 * row.at("all").at("instructions").get<int>() / 2);
        CHECK(row.at("code_bytes") < row.at("object_bytes"));
        CHECK(row.at("compile_ms") > 0);
    }
}

TEST_CASE("codegen compares knobs, and emits what is asked for", "[program_codegen]") {
    const afnet::TemporaryFolder folder;
    const ProgramRun run = run_program(codegen({kKernel, "--target", "x86-64-avx2", "--diff", "co_block=16,tile_x=2",
                                                "automatic", "--emit", "asm", "--out", folder.path(), "--no-mca"}));
    INFO(run.err);
    REQUIRE(run.status == 0);
    CHECK_THAT(run.out, Contains("main loops (= the same") && Contains("loop FMA") && Contains("vfmadd231ps"));
    CHECK(names_in(folder.path()) ==
          std::vector<std::string>{std::string(kKernel) + ".x86-64-avx2.automatic.s",
                                   std::string(kKernel) + ".x86-64-avx2.co_block16-tile_x2.s"});
}

TEST_CASE("requests of codegen that make no sense are refused", "[program_codegen]") {
    check_refusal(run_program(codegen({"work_lst"})), 2, "did you mean work_list?");
    check_refusal(run_program(codegen({})), 2, "name kernels");
    check_refusal(run_program(codegen({"work_list", "--target", "x86-64-avx3"})), 2, "unknown target 'x86-64-avx3'");
    check_refusal(run_program(codegen({"work_list", "--emit", "wasm"})), 2, "'wasm' is none of stmt");
    check_refusal(run_program(codegen({"work_list", "--diff"})), 2, "--diff compares two");
    check_refusal(run_program(codegen({kKernel, "--knobs", "co_blok=16"})), 2, "did you mean co_block?");
    check_refusal(run_program(codegen({kKernel, "--knobs", "co_block=17"})), 2, "co_block may be");
    check_refusal(run_program(codegen({"work_list", "--model", "nosuch"})), 2, "unknown model");
    check_refusal(run_program(codegen({"work_list", "--generators", "/nowhere"})), 1, "no such generator");
    const afnet::TemporaryFolder folder;
    std::ofstream(folder.path() + "/file") << "x";
    check_refusal(run_program(codegen({"work_list", "--out", folder.path() + "/file"})), 1, "not a folder");
    if (::geteuid() != 0) {
        std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_read);
        check_refusal(run_program(codegen({"work_list", "--out", folder.path() + "/code"})), 1, "cannot make");
        std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
    }
    check_refusal(run_program(codegen({"work_list", "--out", "/proc/code"})), 1, "/proc/code");
}

TEST_CASE("codegen measures a model's kernels where the target runs", "[program_codegen]") {
    const ProgramRun run = run_program(codegen({"work_list", "linear*", "--model", "af_mobilenetv3_tsm", "--size", "64",
                                                "--seconds", "0.01", "--json", "--no-mca"}));
    INFO(run.err);
    REQUIRE(run.status == 0);
    size_t measured = 0;
    const Json rows = Json::parse(run.out).at("rows");
    for (const Json &row : rows) {
        for (const Json &speed : row.at("speed")) {
            CHECK(speed.at("ms") > 0);
            measured++;
        }
    }
    CHECK(measured > 0);
}
