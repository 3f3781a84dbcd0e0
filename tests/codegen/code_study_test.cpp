// What is made of code: differences, predictions, sizes, and which kernels and variants are meant.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <elf.h>
#include <fstream>

#include "bench/codegen/code_report.h"
#include "bench/codegen/object_file.h"
#include "runtime/error.h"
#include "runtime/nearest_word.h"
#include "tests/model/xml_check.h"
#include "tests/temporary_folder.h"

using namespace afnet;
using Catch::Matchers::Contains;

namespace {

std::string marks_of(const std::vector<LoopLine> &lines) {
    std::string marks;
    for (const LoopLine &line : lines)
        marks += line.mark;
    return marks;
}

KernelCode code_of(const char *variant, const std::string &loop) {
    KernelCode code;
    code.kernel = "conv2d_k1s1g1_8x8_relu";
    code.variant = variant;
    code.target = target_named("x86-64-avx2");
    code.figures = figures_of_assembly("f:\n.L1:\n" + loop + "\tjne\t.L1\n\tretq\n", Isa::X86);
    code.code_bytes = 100;
    return code;
}

const char *const kPrediction = R"({"CodeRegions": [{"Instructions": ["a", "b"],
  "ResourcePressureView": {"ResourcePressureInfo": [
    {"InstructionIndex": 0, "ResourceIndex": 1, "ResourceUsage": 9},
    {"InstructionIndex": 2, "ResourceIndex": 1, "ResourceUsage": 0.5},
    {"InstructionIndex": 2, "ResourceIndex": 2, "ResourceUsage": 1.5}]},
  "SummaryView": {"BlockRThroughput": 1.5, "IPC": 0.8, "Iterations": 100, "TotalCycles": 250}}],
  "TargetInfo": {"CPUName": "skylake-avx512", "Resources": ["Divider", "Port0", "Port1"]}})";

} // namespace

TEST_CASE("two loops are aligned on what they have in common", "[codegen]") {
    CHECK(marks_of(aligned_loops({"a 1", "b 2", "c 3"}, {"a 1", "b 4", "c 3"})) == "=~=");
    CHECK(marks_of(aligned_loops({"a 1", "c 3"}, {"a 1", "b 2", "c 3", "d"})) == "=>=>");
    CHECK(marks_of(aligned_loops({"x", "a", "y"}, {"a"})) == "<=<");
    CHECK(marks_of(aligned_loops({}, {"a"})) == ">");
    CHECK(aligned_loops({}, {}).empty());
}

TEST_CASE("a difference names the fields that differ", "[codegen]") {
    const std::string fma = "\tvfmadd231ps\t(%rax), %ymm1, %ymm2\n";
    const KernelCode a = code_of("a", fma), b = code_of("b", fma + fma + "\tvmovups\t%ymm3, 32(%rsp)\n");
    KernelCode twin = a;
    twin.compile_seconds = 5;
    CHECK(difference_of(a, twin).fields.empty());
    CHECK(difference_of(a, twin).changed_lines() == 0);
    const CodeDifference difference = difference_of(a, b);
    std::vector<std::string> keys;
    for (const CodeField *field : difference.fields)
        keys.push_back(field->key);
    CHECK(keys == std::vector<std::string>{"instructions", "fma", "stores", "vector_registers", "spill_stores",
                                           "loop_instructions", "loop_fma", "loop_spills"});
    CHECK(difference.changed_lines() == 2);

    CodegenResult result;
    result.codes = {a, b};
    result.differences = {difference};
    CHECK_THAT(report_text(result), Contains("main loops (= the same") && Contains("sp. st"));
    KernelCode quick = a, slow = a;
    quick.speed = {{"8x8", "layer", 2, 1.0, 1.0, 50.0}};
    slow.speed = {{"8x8", "layer", 2, 1.01, 1.0, 49.5}};
    CHECK(difference_of(quick, slow).fields.empty()); // within noise
    slow.speed[0].ms = 1.5;
    CHECK(difference_of(quick, slow).fields.size() == 2);
}

TEST_CASE("the page is well-formed, links to files and holds nothing from elsewhere", "[codegen]") {
    CodegenResult result;
    result.codes = {code_of("x86-64-avx2, <knobs>", "\tnop\n")};
    result.codes[0].files = {{"asm", "a&b c.s"}};
    const std::string page = report_page(result, "Code & more", "code");
    CHECK(xml_fault(page).empty());
    CHECK_THAT(page, Contains("href=\"code/a%26b%20c.s\"") && Contains("class=\"sorts\"") && Contains("<script>"));
    CHECK_THAT(page, !Contains("src=") && !Contains("https:"));
}

TEST_CASE("the page has a table for each target, where kernels are used, and their main loops", "[codegen]") {
    CodegenResult result;
    result.model = "some model";
    const std::string fma = "\tvfmadd231ps\t(%rax), %ymm1, %ymm2\n";
    for (const char *variant : {"one", "two"}) {
        result.codes.push_back(code_of(variant, fma + fma));
        result.codes.back().spec.generator = "conv2d";
        result.codes.back().object_bytes = 4321;
        result.codes.back().use = {{"layer1.0.conv1", "layer1.1.conv1"}, {"plain", "focal"}};
        result.codes.back().compile_seconds = 1.5;
        result.codes.push_back(code_of(variant, fma));
        result.codes.back().kernel = "linear";
    }
    result.codes[0].speed = {{"8x8", "layer1.0.conv1", 2, 1.0, 3.0, 50.0}};
    const std::string page = report_page(result, "Page", "");
    CHECK(xml_fault(page).empty());
    CHECK_THAT(page, Contains("<h2>Kernels on one</h2>") && Contains("<h2>Kernels on two</h2>"));
    CHECK_THAT(page, Contains("plain focal") || Contains("plain, focal"));
    CHECK_THAT(page, Contains(">layer1.0.conv1<") && Contains(">4321<"));
    // Two kernels of each: instructions of both, and of the measured one 6 GMAC in 2 ms.
    const size_t sums = page.find("All kernels together");
    const std::string of_one = page.substr(page.find(">one<", sums), 600),
                      of_two = page.substr(page.find(">two<", sums), 600);
    CHECK_THAT(of_one, Contains("<td>2</td><td>7</td><td>3</td>") && Contains("<td>3000.0</td><td>50.0</td>"));
    CHECK_THAT(of_two, Contains("<td>2</td><td>7</td><td>3</td>"));
    // Every link within the page leads somewhere, to the loop itself.
    size_t links = 0;
    for (size_t at = page.find("href=\"#"); at != std::string::npos; at = page.find("href=\"#", at + 1), links++) {
        const std::string id = page.substr(at + 7, page.find('"', at + 7) - at - 7);
        CHECK_THAT(page, Contains("<details id=\"" + id + "\">"));
    }
    CHECK(links == 4);
    CHECK_THAT(page, Contains("<pre>vfmadd231ps (%rax), %ymm1, %ymm2\nvfmadd231ps"));
}

TEST_CASE("predictions of llvm-mca are read", "[codegen]") {
    const LoopPrediction prediction = read_prediction(kPrediction);
    CHECK(prediction.processor == "skylake-avx512");
    CHECK(prediction.cycles == 2.5);
    CHECK(prediction.throughput_cycles == 1.5);
    REQUIRE(prediction.pressure.size() == 2);
    CHECK(prediction.pressure[0] == std::pair<std::string, double>("Port1", 1.5));
    CHECK_THROWS_WITH(read_prediction("{}"), Contains("llvm-mca"));
    CHECK_THROWS_WITH(read_prediction("error"), Contains("not understood"));
    CHECK(MachineModel("/nowhere/llvm-mca", "").absence().empty()); // asked for: its failure is told when it is used
}

TEST_CASE("llvm-mca predicts loops of both architectures, where it is installed", "[codegen]") {
    const MachineModel model("", "");
    if (model.program().empty()) {
        CHECK_THAT(model.absence(), Contains("llvm-14"));
        return;
    }
    const TemporaryFolder folder;
    const CodeFigures x86 = figures_of_assembly(
        "f:\n.L1:\n\tvfmadd231ps\t(%rax), %ymm1, %ymm2\n\taddq\t$32, %rax\n\tjne\t.L1\n\tretq\n", Isa::X86);
    const LoopPrediction p = model.predict(*x86.main_loop(), target_named("x86-64-avx2"), folder.path());
    CHECK(p.cycles >= 3.5); // the sum waits for itself: four cycles on that processor
    CHECK(p.cycles <= 4.5);
    CHECK_FALSE(p.pressure.empty());
    const CodeFigures arm =
        figures_of_assembly("f:\n.L1:\n\tfmla\tv0.4s, v1.4s, v2.4s\n\tb.ne\t.L1\n\tret\n", Isa::Arm);
    CHECK(model.predict(*arm.main_loop(), target_named("arm-64"), folder.path()).cycles > 0);
    CHECK_THROWS_WITH(model.predict(*arm.main_loop(), target_named("x86-64"), folder.path()),
                      Contains("no prediction for x86-64"));
}

TEST_CASE("bytes of code are those of sections with instructions", "[codegen]") {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shoff = sizeof header;
    Elf64_Shdr sections[4] = {};
    const size_t sizes[4] = {0, 40, 1000, 24};
    for (int i = 1; i < 4; i++) {
        sections[i].sh_type = SHT_PROGBITS;
        sections[i].sh_flags = SHF_ALLOC | (i == 2 ? 0 : SHF_EXECINSTR);
        sections[i].sh_size = sizes[i];
    }
    header.e_shnum = 4;
    std::string file(reinterpret_cast<const char *>(&header), sizeof header);
    file.append(reinterpret_cast<const char *>(sections), sizeof sections);
    CHECK(code_bytes(file, "k.o") == 64);
    CHECK_THROWS_WITH(code_bytes(file.substr(0, file.size() - 1), "k.o"), Contains("k.o") && Contains("cut off"));
    CHECK_THROWS_WITH(code_bytes("text", "k.o"), Contains("too short"));
    CHECK_THROWS_WITH(code_bytes(std::string(100, 'x'), "k.o"), Contains("ELF expected"));
}

TEST_CASE("kernels are chosen by globs, and the nearest name is told", "[codegen]") {
    const std::vector<KernelSpec> known = shipped_kernels();
    const auto has = [&](const char *generator) {
        return std::any_of(known.begin(), known.end(), [&](const auto &spec) { return spec.generator == generator; });
    };
    for (const char *generator : {"conv2d", "conv2d_grad_weights", "resize", "fma_peak", "work_list"})
        CHECK(has(generator));
    const auto some = matching_kernels(known, {"conv2d_k3*", "work_list"});
    CHECK(some.size() > 2);
    for (const KernelSpec &spec : some)
        CHECK((spec.name() == "work_list" || spec.name().rfind("conv2d_k3", 0) == 0));
    CHECK_THROWS_WITH(matching_kernels(known, {"work_lst"}), Contains("did you mean work_list?"));
    CHECK_THROWS_AS(matching_kernels(known, {"work_list", "nosuch*"}), UsageError);
    CHECK(nearest_word("abd", {"xyz", "abc", "abx"}) == "abc");
}

TEST_CASE("knobs and variants are read from words", "[codegen]") {
    CHECK(*knobs_named("co_block=16,tile_x=6") == Knobs{{"co_block", 16}, {"tile_x", 6}});
    CHECK(knobs_named("automatic")->empty());
    CHECK_FALSE(knobs_named("record").has_value());
    const TemporaryFolder folder;
    const std::string record = folder.path() + "/record.json";
    std::ofstream(record) << R"({"knobs": {"rows": 4}, "measured": {}})";
    CHECK(*knobs_named(record) == Knobs{{"rows", 4}});
    for (const char *wrong : {"co_block", "=3", "co_block=", "co_block=x", "a=1,,b=2", "a=12345678901"}) {
        INFO(wrong);
        CHECK_THROWS_AS(knobs_named(wrong), UsageError);
    }
    CHECK_THROWS_AS(knobs_named("/nowhere/record.json"), Error);

    const std::vector<std::string> avx2 = {"x86-64-avx2"};
    CHECK(variants_of(avx2, {}).front().file_part == "x86-64-avx2");
    CHECK(variants_of(avx2, {"rows=4", "automatic"}).front().file_part == "x86-64-avx2.rows4");
    CHECK_THROWS_WITH(variants_of({"x86-64-avx3"}, {}), Contains("unknown target"));
    CHECK_THROWS_WITH(variants_of({"arm-64", "arm-64"}, {}), Contains("twice"));
    CHECK(compared_variants({"x86-64", "arm-64"}, avx2, {}).at(1).target.name == "arm-64");
    CHECK(compared_variants({"rows=2", "record"}, avx2, {}).at(0).target.name == "x86-64-avx2");
    CHECK(compared_variants({}, avx2, {"rows=2", "rows=4"}).size() == 2);
    CHECK_THROWS_AS(compared_variants({}, avx2, {}), UsageError);
    CHECK_THROWS_AS(compared_variants({"arm-64"}, avx2, {}), UsageError);
    CHECK_THROWS_WITH(compared_variants({"arm-64", "arm-65"}, avx2, {}), Contains("is neither") || Contains("target"));
    CHECK_THROWS_AS(compared_variants({"rows=2", "rows=4"}, {"arm-64", "x86-64"}, {}), UsageError);
}
