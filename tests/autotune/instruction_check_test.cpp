// Forbidden instructions are seen in a disassembly, and nothing else is taken for one.
#include <catch2/catch.hpp>
#include <filesystem>

#include "autotune/instruction_check.h"
#include "runtime/error.h"
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
        other.forbidden = {"vdpbf16ps"};
        CHECK_THROWS_WITH(require_allowed_instructions(library, other), Catch::Contains("vdpbf16ps"));
    }
    Target forbidding = targets().front();
    forbidding.forbidden = {"extrq"};
    CHECK_THROWS_AS(require_allowed_instructions("/nowhere/kernel.o", forbidding), Error);
}
