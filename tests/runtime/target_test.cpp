#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "runtime/error.h"
#include "runtime/target.h"

using namespace afnet;
using Catch::Contains;

namespace {

// Sets AFNET_TARGET for one test.
class ForcedTarget {
public:
    explicit ForcedTarget(const char *name) {
        if (const char *old = std::getenv("AFNET_TARGET")) before_ = old;
        ::setenv("AFNET_TARGET", name, 1);
    }
    ~ForcedTarget() { before_.empty() ? ::unsetenv("AFNET_TARGET") : ::setenv("AFNET_TARGET", before_.c_str(), 1); }

private:
    std::string before_;
};

}  // namespace

TEST_CASE("the chosen target runs here", "[target]") {
    const ForcedTarget none("");
    std::string why;
    CHECK(runs_here(choose_target(&why)));
    CHECK_FALSE(why.empty());
}

TEST_CASE("AFNET_TARGET forces a target, and refuses one that cannot run", "[target]") {
    {
        const ForcedTarget forced("x86-64");
        if (runs_here(target_named("x86-64"))) CHECK(choose_target().name == "x86-64");
    }
    {
        const ForcedTarget unknown("z80");
        REQUIRE_THROWS_WITH(choose_target(), Contains("z80") && Contains("x86-64-avx2"));
    }
    for (const Target &target : targets()) {
        if (runs_here(target)) continue;
        const ForcedTarget impossible(target.name.c_str());
        REQUIRE_THROWS_AS(choose_target(), Error);
    }
}

TEST_CASE("a dtype is refused where no target has it, and the message names those that have", "[target]") {
    for (const Target &target : targets()) {
        if (!runs_here(target)) continue;
        const ForcedTarget forced(target.name.c_str());
        INFO(target.name);
        CHECK(choose_target().name == target.name);
        if (has_dtype(target, Dtype::BF16)) {
            CHECK(choose_target(nullptr, {}, Dtype::BF16).name == target.name);
        } else {
            CHECK_THROWS_WITH(choose_target(nullptr, {}, Dtype::BF16),
                              Contains(target.name) && Contains("x86-64-avx512-bf16"));
        }
    }
    const ForcedTarget none("");
    CHECK_THROWS_WITH(choose_target(nullptr, {"x86-64", "arm-64"}, Dtype::BF16),
                      Contains("dtype bf16") && Contains("x86-64-avx512-bf16"));
}

TEST_CASE("f32 never runs on a target that has another's f32 kernels only", "[target]") {
    const ForcedTarget none("");
    CHECK(choose_target().extends.empty());
    for (const Target &target : targets()) {
        const std::vector<std::string> all = with_extended(target);
        CHECK(all.front() == target.name);
        CHECK(has_dtype(target_named(all.back()), Dtype::F32));
        // What runs on this target must run on those that it extends.
        for (const std::string &name : all) {
            for (const std::string &feature : target_named(name).features) {
                INFO(target.name << " extends " << name << ": " << feature);
                CHECK(std::count(target.features.begin(), target.features.end(), feature) == 1);
            }
        }
    }
}

TEST_CASE("missing features are named", "[target]") {
    CHECK(missing_features({}).empty());
    CHECK(missing_features({"hyperdrive"}) == std::vector<std::string>{"hyperdrive"});
}

#if defined(__x86_64__)
TEST_CASE("our cpuid agrees with the kernel's list of flags", "[target]") {
    std::ifstream file("/proc/cpuinfo");
    std::set<std::string> flags;
    for (std::string line; std::getline(file, line) && flags.empty();) {
        if (line.rfind("flags", 0) != 0) continue;
        std::istringstream words(line);
        for (std::string word; words >> word;) flags.insert(word);
    }
    REQUIRE_FALSE(flags.empty());
    const std::pair<const char *, const char *> names[] = {{"sse41", "sse4_1"},
                                                           {"avx", "avx"},
                                                           {"f16c", "f16c"},
                                                           {"fma", "fma"},
                                                           {"avx2", "avx2"},
                                                           {"avx512f", "avx512f"},
                                                           {"avx512bw", "avx512bw"},
                                                           {"avx512vl", "avx512vl"},
                                                           {"avx512ifma", "avx512ifma"},
                                                           {"avx512vbmi", "avx512vbmi"},
                                                           {"avx512vbmi2", "avx512_vbmi2"},
                                                           {"avx512vnni", "avx512_vnni"},
                                                           {"avx512bitalg", "avx512_bitalg"},
                                                           {"avx512vpopcntdq", "avx512_vpopcntdq"},
                                                           {"gfni", "gfni"},
                                                           {"avx512bf16", "avx512_bf16"}};
    const auto &ours = cpu_features();
    for (const auto &[feature, flag] : names) {
        INFO(feature);
        CHECK((std::find(ours.begin(), ours.end(), feature) != ours.end()) == (flags.count(flag) > 0));
    }
}
#endif
