// What `afnet info` gathers, with kernel libraries and without.

#include "model/installation.h"
#include "model/text_table.h"
#include "runtime/json.h"
#include "tests/program_output.h"
#include "tests/runtime/file_checks.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

// AFNET_KERNELS for the time of a test.
struct KernelFolder {
    explicit KernelFolder(const std::string &path) { ::setenv("AFNET_KERNELS", path.c_str(), 1); }
    ~KernelFolder() { ::unsetenv("AFNET_KERNELS"); }
};

Manifest manifest(const std::string &model, const std::string &kernel) {
    Manifest m;
    m.model = model;
    m.target = choose_target().name;
    m.library = model + ".so";
    m.kernels.resize(1);
    m.kernels[0].spec = KernelSpec(kernel);
    m.kernels[0].symbol = kernel;
    return m;
}

void write_text(const std::string &path, const std::string &text) {
    std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("info: libraries of the chosen target, the model's own first", "[info]") {
    const ScratchFolder folder;
    write_text(folder / "a.json", manifest_text(manifest("a", "pool")));
    write_text(folder / "b.json", manifest_text(manifest("b", "pool")));
    write_text(folder / "broken.json", "{");
    const KernelFolder set(folder / "");
    const Installation here = look_around(2);
    CHECK(here.threads == 2);
    REQUIRE(here.chosen != nullptr);
    CHECK(here.libraries_for(*here.chosen).size() == 2);
    CHECK(here.library_with("pool", "b") == "b.so");
    CHECK(here.library_with("pool", "c") == "a.so");
    CHECK(here.library_with("conv", "a").empty());
    REQUIRE(here.faults.size() == 1);
    CHECK_THAT(here.faults[0], Contains("broken.json"));
    CHECK(obstacle(*here.chosen).empty());
}

TEST_CASE("info: the command needs no kernels", "[info]") {
    const std::string program = "AFNET_KERNELS=/nowhere " + std::string(AFNET_PROGRAM) + " info ";
    const ProgramOutput text = output_of(program);
    CHECK(text.status == 0);
    CHECK_THAT(text.text, Contains("No kernel library for"));
    const ProgramOutput model = output_of(program + "--json --model af_resnet50_tsm --rt 0.4");
    CHECK(model.status == 0);
    const auto json = nlohmann::json::parse(model.text).at("model");
    CHECK(json.at("parameters") == 23204966);
    CHECK(json.at("macs").at("official").at("per_clip").get<double>() == Approx(27.153e9).epsilon(1e-4));
    CHECK(json.at("kernels").at(0).at("library").is_null());
    CHECK(output_of("AFNET_TARGET=none " + program + "--json").status == 0);
    CHECK(output_of(program + "--rt 0.4 2>&1").status == 2);
    CHECK(output_of(program + "--model no/such 2>&1").status == 1);
}

TEST_CASE("info: tables are aligned", "[info]") {
    TextTable table({"name", "n", "r"}, "lrc");
    table.add({"a", "10", "x"});
    table.add_line();
    table.add({"longer", decimal(2.5, 2), ""});
    CHECK(table.text() == "name       n  r\n"
                          "------  ----  -\n"
                          "a         10  x\n"
                          "------  ----  -\n"
                          "longer  2.50\n");
}
