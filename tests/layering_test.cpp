#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/layering.h"
#include "tests/temporary_folder.h"

using namespace afnet;

TEST_CASE("every include points down the layers", "[layering]") {
    for (const std::string &breach : layering_violations(AFNET_SOURCE_DIR)) FAIL_CHECK(breach);
}

TEST_CASE("the layering check sees planted violations", "[layering]") {
    const TemporaryFolder tree;
    const auto plant = [&](const std::string &path, const std::string &text) {
        std::filesystem::create_directories(std::filesystem::path(tree.file(path)).parent_path());
        std::ofstream(tree.file(path)) << text << "\n";
    };
    plant("runtime/fine.cpp", "#include \"runtime/error.h\"\n#include <vector>\n// printf(\"a comment\")");
    CHECK(layering_violations(tree.path()).empty());

    plant("runtime/upward.cpp", "#include \"model/network.h\"");
    plant("runtime/angled.cpp", "#  include <model/network.h>");
    plant("runtime/loud.cpp", "void f() { std::cerr << 1; }\nvoid g() { exit(1); }");
    plant("model/deep/halide.cpp", "#include <Halide.h>");
    plant("model/ffmpeg.h", "#include <libavformat/avformat.h>");
    plant("model/ranks.cpp", "#include <mpi.h>");
    plant("model/sideways.cpp", "#include \"autotune/records.h\"");
    plant("schedules/upward.h", "#include \"generators/layout.h\"");
    plant("bench/relative.cpp", "#include \"../autotune/records.h\"");
    plant("bench/bare.cpp", "#include \"sibling.h\"");
    plant("generators/runtime.cpp", "#include \"runtime/error.h\"");
    CHECK(layering_violations(tree.path()).size() == 12);
}
