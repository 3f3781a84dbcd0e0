// Targets that a user describes in a file.
#include "runtime/target_file.h"

#include <catch2/catch.hpp>

#include "runtime/error.h"

using namespace afnet;
using Catch::Contains;

namespace {

std::vector<Target> parsed(const std::string &entries) {
    return parse_targets("{\"targets\": [" + entries + "]}", {"x86-64"}, "mine.json");
}

} // namespace

TEST_CASE("an entry of a target file is a target", "[target_file]") {
    const auto all = parsed(R"({"name": "x86-64-avx", "halide": "x86-64-linux-sse41-avx", "features": ["sse41", "avx"]},
                               {"name": "risc", "halide": "riscv-64-linux", "linker": "riscv64-linux-gnu-g++",
                                "dtypes": ["f32", "f64"], "forbidden": ["vsetvli"]})");
    REQUIRE(all.size() == 2);
    CHECK(all[0].name == "x86-64-avx");
    CHECK(all[0].halide == "x86-64-linux-sse41-avx");
    CHECK(all[0].features == std::vector<std::string>{"sse41", "avx"});
    CHECK(all[0].linker == "c++");
    CHECK(all[0].dtypes == std::vector<Dtype>{Dtype::F32});
    CHECK(all[1].linker == "riscv64-linux-gnu-g++");
    CHECK(has_dtype(all[1], Dtype::F64));
    CHECK(all[1].forbidden == std::vector<std::string>{"vsetvli"});
    CHECK(parsed("").empty());
}

TEST_CASE("a wrong target file is refused with the entry and the field", "[target_file]") {
    const auto refused = [](const std::string &entries, const std::string &what) {
        CHECK_THROWS_WITH(parsed(entries), Contains("mine.json") && Contains(what));
    };
    const std::string good = R"({"name": "a", "halide": "x86-64-linux"})";
    refused(R"({"halide": "x86-64-linux"})", "target 1: name");
    refused(R"({"name": "a"})", "target 1: halide");
    refused(good + ", " + good, "target 2: name: there is a target a already");
    refused(R"({"name": "x86-64", "halide": "x86-64-linux"})", "there is a target x86-64 already");
    refused(R"({"name": "a b", "halide": "x86-64-linux"})", "'a b' is no word");
    refused(R"({"name": "../a", "halide": "x86-64-linux"})", "is no word");
    refused(R"({"name": "-a", "halide": "x86-64-linux"})", "is no word");
    refused(R"({"name": "a", "halide": 4})", "target 1: halide");
    refused(R"({"name": "a", "halide": "x86-64-linux", "linker": "c++; rm"})", "linker");
    refused(R"({"name": "a", "halide": "x86-64-linux", "dtypes": ["f16"]})", "'f16' is none of f32");
    refused(R"({"name": "a", "halide": "x86-64-linux", "dtypes": []})", "at least one");
    refused(R"({"name": "a", "halide": "x86-64-linux", "features": "avx"})", "a list of words");
    refused(R"({"name": "a", "halide": "x86-64-linux", "speed": 9})", "unknown field 'speed'");
    refused("7", "target 1: an object");
    CHECK_THROWS_WITH(parse_targets("{", {}, "mine.json"), Contains("mine.json: no JSON"));
    CHECK_THROWS_WITH(parse_targets("[]", {}, "mine.json"), Contains("nothing else expected"));
    CHECK_THROWS_WITH(parse_targets(R"({"targets": [], "more": 1})", {}, "mine.json"), Contains("nothing else"));
}
