// What `afnet bench` prints, from runs too short to mean anything.
#include <map>
#include <set>

#include "runtime/file_io.h"
#include "tests/program/program_run.h"
#include "tests/temporary_folder.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

using Keys = std::set<std::string>;

Keys keys_of(const json &object) {
    Keys keys;
    for (const auto &[key, value] : object.items())
        keys.insert(key);
    return keys;
}

bool has_all(const json &object, const Keys &wanted) {
    const Keys keys = keys_of(object);
    return std::includes(keys.begin(), keys.end(), wanted.begin(), wanted.end());
}

json document_of(const Arguments &arguments) {
    Circumstances circumstances;
    circumstances.seconds = 600; // the peak is measured beside each of hundreds of kernels
    const ProgramRun run = run_program(arguments, circumstances);
    INFO(run.err);
    REQUIRE(run.status == 0);
    return json::parse(run.out);
}

void check_machine(const json &machine) {
    CHECK(keys_of(machine) == Keys{"cpu", "target", "threads", "fma_peak_gmac_per_s", "memory_bytes_per_s",
                                   "memory_read_bytes_per_s", "memory_copy_bytes_per_s", "memory_mib", "load_average",
                                   "busy_before", "busy_share", "devices", "peaks"});
    CHECK(machine.at("fma_peak_gmac_per_s") > 0);
    CHECK(machine.at("memory_read_bytes_per_s") > 0);
    CHECK(machine.at("memory_copy_bytes_per_s") > 0);
    CHECK(machine.at("memory_mib") >= 32);
    CHECK(machine.at("busy_share") <= 1);
}

const Arguments kNetwork = {
    "bench",  "network", "--model", "af_mobilenetv3_tsm", "resnet50", "--frames", "2",        "4", "--size",    "64",
    "--rt",   "1",       "0.6",     "--threads",          "1",        "2",        "--rounds", "1", "--seconds", "0.1",
    "--json", "-q"};

Arguments kernels(const Arguments &more) {
    Arguments all = {"bench", "kernels", "--model", "af_mobilenetv3_tsm", "--frames", "4", "--size",
                     "64",    "--json",  "-q",      "--seconds",          "0.001"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

json sum_of(const json &parts) {
    double ms = 0, gmac = 0;
    for (const auto &[name, part] : parts.items()) {
        ms += part.at("ms").get<double>();
        gmac += part.at("gmac").get<double>();
    }
    return {{"ms", ms}, {"gmac", gmac}};
}

std::string result_with(double ms) {
    return json{{"machine", {{"cpu", "A"}, {"target", "t"}, {"threads", 1}, {"fma_peak_gmac_per_s", 1}}},
                {"rows", {{{"model", "m"}, {"rt", 1}, {"ms_median", ms}, {"ms_p95", ms}, {"samples", 9}}}}}
        .dump();
}

}  // namespace

TEST_CASE("bench network sweeps all combinations", "[program_bench]") {
    const json document = document_of(kNetwork);
    check_machine(document.at("machine"));
    CHECK(document.at("machine").at("peaks").size() == 2);
    std::set<std::string> combinations;
    for (const json &row : document.at("rows")) {
        INFO(row.dump());
        CHECK(has_all(row, {"model",  "frames",     "size",        "batch",        "threads",   "dtype",
                            "target", "mask",       "rt",          "realised_rt",  "ms_median", "ms_p95",
                            "gmac",   "gmac_dense", "clips_per_s", "frames_per_s", "arena_mib", "percent_of_peak",
                            "stages", "kinds"}));
        CHECK(row.at("ms_p95") >= row.at("ms_median"));
        CHECK(row.at("gmac") <= row.at("gmac_dense"));
        const json stages = sum_of(row.at("stages")), kinds = sum_of(row.at("kinds"));
        CHECK(stages.at("ms").get<double>() == Approx(kinds.at("ms").get<double>()));
        CHECK(stages.at("gmac").get<double>() == Approx(row.at("gmac").get<double>()));
        CHECK(kinds.at("gmac").get<double>() == Approx(row.at("gmac").get<double>()));
        const double frames = row.at("frames");
        if (row.at("model") == "resnet50") {
            CHECK(row.at("mask") == "none");
            CHECK(row.at("rt") == 1);
        } else {
            CHECK(row.at("mask") == "spread");
            CHECK(row.at("realised_rt").get<double>() ==
                  Approx(std::round(row.at("rt").get<double>() * frames) / frames));
            CHECK((row.at("gmac") < row.at("gmac_dense")) == (row.at("rt") != 1));
        }
        combinations.insert(json{row.at("model"), frames, row.at("rt"), row.at("threads")}.dump());
    }
    CHECK(combinations.size() == 2 * 2 * (2 + 1));
    CHECK(document.at("rows").size() == combinations.size());
}

TEST_CASE("bench network computes the patches that it is asked for", "[program_bench]") {
    const json document = document_of({"bench", "network", "--json", "--model", "af_resnet50", "--frames", "2", "--size",
                                       "64", "--rounds", "1", "--threads", "1", "--rt", "1", "--rs", "1", "0.5", "0",
                                       "--grid", "4", "--patches", "random"});
    const json &rows = document.at("rows");
    REQUIRE(rows.size() == 3);
    for (size_t i = 0; i < 3; i++) {
        INFO(rows[i].dump());
        CHECK(rows[i].at("patches") == "random");
        CHECK(rows[i].at("grid") == 4);
        CHECK(rows[i].at("realised_rs") == rows[i].at("rs"));
        const double dense = rows[i].at("gmac_dense");
        CHECK((rows[i].at("gmac").get<double>() < dense * (1 - 1e-9)) == (i > 0));
        if (i > 0) CHECK(rows[i].at("gmac") < rows[i - 1].at("gmac"));
    }
}

TEST_CASE("bench kernels measures every kernel that passes the filter", "[program_bench]") {
    const json document = document_of(kernels({"--filter", "features_stage3_refine.1*", "--rt", "0.5"}));
    check_machine(document.at("machine"));
    std::set<std::string> layers;
    for (const json &row : document.at("rows")) {
        INFO(row.dump());
        CHECK(has_all(row, {"kernel", "count", "shape", "gmac_per_s", "percent_of_peak", "bytes_per_s", "target",
                            "dtype", "ms_median", "ms_p95", "percent_of_memory", "macs_per_byte", "cores"}));
        CHECK(row.at("count") >= 1);
        CHECK(row.at("samples") >= 5);
        CHECK(row.at("caches") == "warm");
        CHECK(row.at("bytes") > 0);
        CHECK(row.at("gmac_per_s").get<double>() ==
              Approx(row.at("gmac").get<double>() / row.at("ms_median").get<double>() * 1e3));
        layers.insert(row.at("layer"));
    }
    CHECK(layers.count("features_stage3_refine.1.unselected") == 1);
    CHECK(layers.count("features_stage3_refine.1.conv3") == 1);
    CHECK(layers.size() == document.at("rows").size());
    REQUIRE(document.at("convolutions").size() == 1);
    CHECK(document.at("convolutions")[0].at("least_percent") <= document.at("convolutions")[0].at("percent_of_peak"));
}

TEST_CASE("bench kernels measures the pixels that masks in space select", "[program_bench]") {
    const auto rows = [](const char *rs) {
        Arguments all = {"bench",  "kernels", "--model",   "af_tiny", "--size",   "64",
                         "--json", "-q",      "--seconds", "0.001",   "--filter", "layer1.refine_module.1.conv?",
                         "--grid", "4",       "--rs",      rs};
        return document_of(all).at("rows");
    };
    const json half = rows("0.5"), quarter = rows("0.25");
    REQUIRE(half.size() == 3);
    REQUIRE(quarter.size() == 3);
    for (size_t i = 0; i < 3; i++) {
        INFO(quarter[i].dump());
        CHECK(quarter[i].at("rs") == 0.25);
        CHECK(quarter[i].at("grid") == 4);
        CHECK(half[i].at("gmac").get<double>() == Approx(2 * quarter[i].at("gmac").get<double>()));
        CHECK(quarter[i].at("bytes") < half[i].at("bytes"));
    }
    CHECK(rows("1").empty()); // computed whole: other steps
}

TEST_CASE("bench kernels halves what lists halve", "[program_bench]") {
    const auto conv3 = [](const char *rt) {
        return document_of(kernels({"--filter", "features_stage3_refine.1.conv*", "--rt", rt})).at("rows");
    };
    const json all = conv3("1"), half = conv3("0.5");
    REQUIRE(all.size() == 2);
    REQUIRE(half.size() == 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK(half[i].at("gmac").get<double>() == Approx(all[i].at("gmac").get<double>() / 2));
        CHECK(half[i].at("bytes") < all[i].at("bytes"));
    }
    CHECK(conv3("0").empty());
}

TEST_CASE("bench kernels runs cold, on several threads and targets", "[program_bench]") {
    const json document =
        document_of(kernels({"--filter", "list_gen2.0.pool", "--cold", "--threads", "1", "2", "--target", "x86-64"}));
    std::set<std::string> settings;
    for (const json &row : document.at("rows")) {
        CHECK(row.at("target") == "x86-64");
        settings.insert(json{row.at("threads"), row.at("caches")}.dump());
    }
    CHECK(settings.size() == 4);
    CHECK(document.at("convolutions").empty());
}

TEST_CASE("bench training measures every kernel of a step, and the step", "[program_bench]") {
    const Arguments line = {"bench", "training", "--model",   "af_tiny", "--clips",  "1", "--frames",  "8",
                            "--size", "32",      "--threads", "1",       "--passes", "2", "--seconds", "0.001",
                            "--json", "-q"};
    const json document = document_of(line);
    check_machine(document.at("machine"));
    std::map<std::string, double> gmac;
    double step_gmac = 0, kinds_ms = 0;
    for (const json &row : document.at("rows")) {
        INFO(row.dump());
        CHECK(has_all(row, {"kernel", "layer", "part", "count", "shape", "model", "frames", "size", "batch", "threads",
                            "dtype", "ms_median", "ms_p95", "ms_best", "samples", "gmac", "bytes", "gmac_per_s",
                            "fma_peak_gmac_per_s", "percent_of_peak", "bytes_per_s", "percent_of_memory"}));
        CHECK(row.at("samples") >= 6);
        CHECK(row.at("bytes") > 0);
        CHECK(row.at("fma_peak_gmac_per_s") > 0);
        gmac[row.at("part")] += row.at("count").get<double>() * row.at("gmac").get<double>();
    }
    for (const json &sum : document.at("sums")) {
        if (sum.at("part") == "gradients") continue;
        CHECK(sum.at("gmac").get<double>() == Approx(gmac.at(sum.at("part"))));
    }
    CHECK(document.at("sums").size() == 5);
    CHECK(gmac.at("forward") == Approx(gmac.at("grad_weights")));
    REQUIRE(document.at("steps").size() == 1);
    const json &step = document.at("steps")[0];
    CHECK(step.at("samples") == 2);
    for (const auto &[generator, kind] : step.at("kinds").items()) {
        step_gmac += kind.at("gmac").get<double>();
        kinds_ms += kind.at("ms").get<double>();
    }
    CHECK(step_gmac == Approx(gmac["forward"] + gmac["grad_input"] + gmac["grad_weights"] + gmac["other"]));
    CHECK(kinds_ms > 0);
    Arguments whole = line;
    whole.push_back("--whole");
    CHECK(document_of(whole).at("rows").empty());
    check_refusal(run_program({"bench", "training", "--model", "af_tiny", "--filter", "nosuch*"}), 2, "nosuch");
}

TEST_CASE("bench refuses what it cannot run", "[program_bench]") {
    check_refusal(run_program(kernels({"--filter", "nosuch*"})), 2, "--filter nosuch*");
    check_refusal(run_program(kernels({"--target", "nosuch"})), 2, "nosuch");
    check_refusal(run_program(kernels({"--target", "arm-64"})), 1, "arm-64");
    for (const Arguments &line : {kernels({"--dtype", "f16"}), kernels({"--seconds", "0"}), kernels({"--rt", "2"}),
                                  Arguments{"bench", "network", "--dtype", "f64"}, Arguments{"bench", "compare", "a"},
                                  Arguments{"bench", "compare", "a", "b", "--threshold", "-1"}}) {
        CHECK(run_program(line).status == 2);
    }
}

TEST_CASE("bench compare ends with 1 where something became slower", "[program_bench]") {
    const afnet::TemporaryFolder folder;
    const std::string before = folder.file("before.json"), after = folder.file("after.json");
    afnet::write_file(before, result_with(10));
    afnet::write_file(after, result_with(11));
    const ProgramRun slower = run_program({"bench", "compare", before, after, "--json"});
    CHECK(slower.status == 1);
    CHECK(json::parse(slower.out).at("rows")[0].at("verdict") == "slower");
    const ProgramRun quicker = run_program({"bench", "compare", after, before});
    CHECK(quicker.status == 0);
    CHECK_THAT(quicker.out, Contains("0 slower, 1 quicker"));
    CHECK(run_program({"bench", "compare", before, after, "--threshold", "20"}).status == 0);
    check_refusal(run_program({"bench", "compare", before, folder.file("none.json")}), 1, "none.json");
    afnet::write_file(after, "{}");
    check_refusal(run_program({"bench", "compare", before, after}), 1, "no machine");
}

TEST_CASE("results of bench can be compared", "[program_bench]") {
    const afnet::TemporaryFolder folder;
    const std::string path = folder.file("result.json");
    for (const Arguments &line : {kernels({"--filter", "fc*"}), kNetwork}) {
        afnet::write_file(path, run_program(line).out);
        const ProgramRun run = run_program({"bench", "compare", path, path, "--json", "-q"});
        INFO(run.err);
        CHECK(run.status == 0);
        const json document = json::parse(run.out);
        CHECK(document.at("only_before") == 0);
        CHECK(document.at("only_after") == 0);
        for (const json &row : document.at("rows"))
            CHECK(row.at("ratio") == 1.0);
    }
}
