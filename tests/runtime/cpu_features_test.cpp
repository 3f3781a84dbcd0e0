// Features from planted words of cpuid and XCR0.
#include <algorithm>
#include <catch2/catch.hpp>

#include "runtime/cpu_features.h"
#include "runtime/target.h"

using namespace afnet;
using Catch::Contains;

namespace {

constexpr uint64_t kTileRegisters = uint64_t(3) << 17;

// A Sapphire Rapids whose operating system saves everything.
CpuidWords sapphire_rapids() {
    CpuidWords words;
    words.leaf1_ecx = 1u << 12 | 1u << 19 | 1u << 27 | 1u << 28 | 1u << 29;
    words.leaf7_ebx = 1u << 5 | 1u << 16 | 1u << 17 | 1u << 21 | 1u << 28 | 1u << 30 | 1u << 31;
    words.leaf7_ecx = 1u << 1 | 1u << 6 | 1u << 8 | 1u << 11 | 1u << 12 | 1u << 14;
    words.leaf7_edx = 1u << 22 | 1u << 23 | 1u << 24;
    words.leaf7_1_eax = 1u << 4 | 1u << 5;
    words.saved = 0xe7 | kTileRegisters;
    return words;
}

// What the target needs and these words do not give.
std::vector<std::string> missing_for(const char *target, const CpuidWords &words, bool permission = true) {
    const std::vector<std::string> have = features_of(words, permission);
    std::vector<std::string> missing;
    for (const std::string &feature : target_named(target).features) {
        if (std::find(have.begin(), have.end(), feature) == have.end()) missing.push_back(feature);
    }
    return missing;
}

using Words = std::vector<std::string>;

} // namespace

TEST_CASE("a CPU with everything runs every x86-64 target", "[target]") {
    for (const Target &target : targets()) {
        if (target.name != "arm-64") CHECK(missing_for(target.name.c_str(), sapphire_rapids()).empty());
    }
    CHECK(features_of(CpuidWords(), true).empty());
}

TEST_CASE("AMX needs tile registers, their bf16 products, AVX512-FP16, saved registers and permission", "[target]") {
    const auto without = [](auto change) {
        CpuidWords words = sapphire_rapids();
        change(words);
        return missing_for("x86-64-amx", words);
    };
    CHECK(without([](CpuidWords &w) { w.leaf7_edx &= ~(1u << 24); }) == Words{"amxtile", "amxbf16", "amxpermission"});
    CHECK(without([](CpuidWords &w) { w.leaf7_edx &= ~(1u << 22); }) == Words{"amxbf16"});
    CHECK(without([](CpuidWords &w) { w.leaf7_edx &= ~(1u << 23); }) == Words{"avx512fp16"});
    CHECK(without([](CpuidWords &w) { w.leaf7_1_eax &= ~(1u << 4); }) == Words{"avxvnni"});
    for (const uint64_t one : {uint64_t(1) << 17, uint64_t(1) << 18}) {
        CHECK(without([&](CpuidWords &w) { w.saved &= ~one; }) == Words{"amxtile", "amxbf16", "amxpermission"});
    }
    CHECK(missing_for("x86-64-amx", sapphire_rapids(), false) == Words{"amxpermission"});
    // None of this is of use to the target that it extends.
    CpuidWords zen4 = sapphire_rapids();
    zen4.leaf7_edx = 0;
    zen4.leaf7_1_eax &= ~(1u << 4);
    zen4.saved = 0xe7;
    CHECK(missing_for("x86-64-avx512-bf16", zen4, false).empty());
}

TEST_CASE("registers that the operating system does not save are of no use", "[target]") {
    CpuidWords words = sapphire_rapids();
    words.saved = 0x7 | kTileRegisters; // no upper halves, masks or high registers of AVX-512
    CHECK(missing_for("x86-64-avx2", words).empty());
    CHECK_FALSE(missing_for("x86-64-avx512", words).empty());
    words.saved = 0x3;
    CHECK(features_of(words, true) == Words{"sse41"});
}

TEST_CASE("a message tells what the CPU lacks from what the operating system refuses", "[target]") {
    CHECK(absence_of({"amxtile", "amxbf16", "amxpermission"}, "") == "this CPU lacks amxtile, amxbf16");
    CHECK_THAT(absence_of({"amxpermission"}, "Operation not supported"),
               Contains("operating system refuses") && Contains("Operation not supported") && !Contains("this CPU"));
}

TEST_CASE("the permission for tile registers is granted where there are some, and only there", "[target]") {
    const bool offered = has_tile_registers(read_cpuid());
    const std::string refusal = request_tile_permission();
    INFO("refusal: " << refusal);
    if (!offered) {
        CHECK_FALSE(refusal.empty());
        CHECK_FALSE(runs_here(target_named("x86-64-amx")));
    } else {
        CHECK(refusal == request_tile_permission());
        CHECK((std::count(cpu_features().begin(), cpu_features().end(), "amxpermission") == 1) == refusal.empty());
    }
}
