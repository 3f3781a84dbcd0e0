// Forbidden and required instructions are seen in a disassembly, and nothing else is taken for one.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>

#include "autotune/instruction_check.h"
#include "runtime/error.h"
#include "tests/kernel_cases.h"
#include "tests/kernel_targets.h"

using namespace afnet;

TEST_CASE("a forbidden instruction is found by its whole name", "[instruction_check]") {
    const std::string disassembly = "k.o:     file format elf64-x86-64\n\n"
                                    "0000000000000000 <extrq>:\n"
                                    "   0:\tvpextrq $0x1,%xmm0,%rax\n"
                                    "   6:\tcall   b <insertq>\n";
    const std::vector<std::string> forbidden = {"extrq", "insertq"};
    CHECK(forbidden_instruction(disassembly, forbidden).empty());
    CHECK(forbidden_instruction(disassembly + "   b:\textrq  %xmm1,%xmm0\n", forbidden) == "extrq");
    CHECK(forbidden_instruction(disassembly + "   b:\tinsertq", forbidden) == "insertq");
    CHECK(forbidden_instruction("", forbidden).empty());
}

TEST_CASE("libraries of a target hold none of its forbidden instructions", "[instruction_check]") {
    for (const Target &target : targets()) {
        const std::string library = std::string(AFNET_TEST_KERNELS) + "/test_kernels." + target.name + ".so";
        if (target.forbidden.empty() || !std::filesystem::exists(library)) continue;
        CHECK_NOTHROW(require_allowed_instructions(library, target));
        Target other = target;
        const std::string held = target.required.empty() ? "vdpbf16ps" : target.required;
        other.forbidden = {held};
        CHECK_THROWS_WITH(require_allowed_instructions(library, other), Catch::Contains("holds " + held));
    }
    Target requiring = targets().front();
    requiring.required = "tdpbf16ps";
    CHECK_THROWS_WITH(require_allowed_instructions(AFNET_PROGRAM, requiring), Catch::Contains("holds no tdpbf16ps"));
    Target forbidding = targets().front();
    forbidding.forbidden = {"extrq"};
    CHECK_THROWS_AS(require_allowed_instructions("/nowhere/kernel.o", forbidding), Error);
}

TEST_CASE("innermost loops are found in a disassembly", "[instruction_check]") {
    const std::string disassembly = "k.o:     file format elf64-x86-64\n\n"
                                    "0000000000000000 <kernel>:\n"
                                    "   0:\txor    %eax,%eax\n"
                                    "   2:\tmov    %rax,%rcx\n"
                                    "   4:\ttdpbf16ps %tmm5,%tmm4,%tmm3\n"
                                    "   8:\tinc    %rcx\n"
                                    "   a:\tje     c <kernel+0xc>\n"
                                    "   c:\tjne    4 <kernel+0x4>\n"
                                    "   e:\tinc    %rax\n"
                                    "  10:\tjne    2 <kernel+0x2>\n"
                                    "  12:\tret\n";
    CHECK(innermost_loops(disassembly) == std::vector<std::vector<std::string>>{{"tdpbf16ps", "inc", "je", "jne"}});
    CHECK(innermost_loops("").empty());
}

TEST_CASE("the innermost loop of a kernel with tile registers is tile instructions and few others",
          "[instruction_check]") {
    const Target &amx = target_named("x86-64-amx");
    const std::string library = std::string(AFNET_TEST_KERNELS) + "/test_kernels.x86-64-amx.so";
    if (!std::filesystem::exists(library)) {
        WARN("not checked: this build has no kernels for x86-64-amx");
        return;
    }
    // Loops by their number of products: one per 16 channels of co_block, 64 at most.
    std::map<long, size_t> loops;
    for (const std::vector<std::string> &loop : innermost_loops(disassembly_of(library, amx))) {
        const auto count = [&](const char *name) { return std::count(loop.begin(), loop.end(), name); };
        const long products = count("tdpbf16ps");
        if (products == 0 || count("tilezero") > 0) continue; // a reduction of a single step has no loop of its own
        loops[products]++;
        // One load of inputs, one of weights for each product, and sums that stay where they are.
        CHECK(count("tileloadd") == products + 1);
        CHECK(count("tilestored") == 0);
        CHECK(long(loop.size()) <= 4 * products + 24);
    }
    for (const long products : {1, 2, 3, 4})
        CHECK(loops[products] > 0);
}

TEST_CASE("loops that sum a tile ask for the next one's lines", "[instruction_check]") {
    const Target &target = runnable_targets().back();
    const std::string library = std::string(AFNET_TEST_KERNELS) + "/" + kPrefetchLibrary + "." + target.name + ".so";
    long asking = 0;
    for (const std::vector<std::string> &loop : innermost_loops(disassembly_of(library, target)))
        asking += std::count(loop.begin(), loop.end(), "prefetchnta") > 0;
    CHECK(asking > 0);
}
