// What is damaged, missing or of another kind: one clear error each, never a crash.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

#include "model/weights_file.h"
#include "runtime/target.h"
#include "tests/model/checkpoint_builder.h"
#include "tests/program/program_run.h"
#include "tests/program/sample_media.h"
#include "tests/runtime/safetensors_builder.h"

using namespace afnet_test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// Checks that `path` is refused as an input, with `part` in the message.
void check_refused_input(const std::string &path, const std::string &part) {
    INFO(path);
    const ProgramRun run = classified({"--json", "-q", path});
    check_refusal(run, 1, part);
    CHECK_THAT(run.err, StartsWith("afnet: " + path + ": "));
    const auto lines = run.json_lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].at("status") == "error");
    CHECK(lines[0].at("path") == path);
    CHECK("afnet: " + lines[0].at("error").get<std::string>() + "\n" == run.err);
}

/// Checks that every command that takes a model refuses this file.
void check_refused_weights(const std::string &path, const std::string &part) {
    INFO(path);
    const Arguments lines[] = {{"classify", "-q", "/nowhere", "--model", path},
                               {"info", "--model", path},
                               {"bench", "network", "-q", "--model", path}};
    for (const Arguments &line : lines) {
        const ProgramRun run = run_program(line);
        check_refusal(run, 1, part);
        CHECK_THAT(run.err, StartsWith("afnet: " + path + ": "));
        CHECK(run.out.empty());
    }
}

/// A weights file of a small network, after `change` to its tensors and its description.
struct WeightsDraft {
    afnet::TemporaryFolder folder;
    std::string path = folder.file("w.safetensors");
    std::vector<Entry> entries = state_dict_of(small_network(afnet::Family::AfResNet));
    std::string description = afnet::description_text(small_network(afnet::Family::AfResNet));

    void write() const {
        std::vector<afnet::SafetensorsTensor> tensors;
        for (const Entry &entry : entries) {
            if (entry.counter) continue;
            tensors.push_back({entry.key, "F32", entry.shape,
                               reinterpret_cast<const unsigned char *>(entry.values.data()),
                               entry.values.size() * sizeof(float)});
        }
        afnet::write_safetensors(path, tensors, {{afnet::kDescriptionKey, description}});
    }
    void describe(const std::string &from, const std::string &to) {
        description.replace(description.find(from), from.size(), to);
    }
};

Circumstances with_variable(const std::string &assignment) {
    Circumstances circumstances;
    circumstances.environment = {assignment};
    return circumstances;
}

}  // namespace

TEST_CASE("videos that are none are refused", "[program_bad_input]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    const Bytes sample = read_bytes(sample_video());
    ffmpeg("-i '" + sample_video() + "' -c copy -movflags -faststart '" + folder.file("index_last.mp4") + "'");
    Bytes half = read_bytes(folder.file("index_last.mp4"));
    half.resize(half.size() / 2);
    write_bytes(folder.file("truncated.mp4"), half);
    check_refused_input(folder.file("truncated.mp4"), "cannot be opened");

    Bytes noise(sample.size());
    for (size_t i = 0; i < noise.size(); i++) noise[i] = uint8_t(i * i * 2654435761U >> 13);
    write_bytes(folder.file("noise.mp4"), noise);
    check_refused_input(folder.file("noise.mp4"), "Check that it plays");
    write_bytes(folder.file("empty.mp4"), Bytes());
    check_refused_input(folder.file("empty.mp4"), "is empty, 0 bytes");
    write_text(folder.file("text.txt"), "Not a video at all.\n");
    check_refused_input(folder.file("text.txt"), "not a video");
    write_text(folder.file("list.m3u8"), "#EXTM3U\n#EXTINF:4,\n" + sample_video() + "\n#EXT-X-ENDLIST\n");
    check_refused_input(folder.file("list.m3u8"), "video");
    write_text(folder.file("list.ffconcat"), "ffconcat version 1.0\nfile '" + sample_video() + "'\n");
    check_refused_input(folder.file("list.ffconcat"), "video");
    check_refused_input(folder.file("none.mp4"), "No such file or directory");
    check_refused_input(folder.file(std::string(5000, 'n')), "File name too long");
    check_refused_input(AFNET_GOLDEN_DIR "/mbv3_tsm_t8_s96.safetensors", "video");
}

TEST_CASE("files without moving pictures are refused", "[program_bad_input]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    ffmpeg("-f lavfi -i sine=duration=1 '" + folder.file("sound.mp4") + "'");
    check_refused_input(folder.file("sound.mp4"), "has no video stream among its 1 streams");
    ffmpeg(
        "-f lavfi -i sine=duration=1 -f lavfi -i color=size=64x64:rate=1:duration=1 -map 0 -map 1 -frames:v 1 -c:v png "
        "-disposition:v attached_pic '" +
        folder.file("cover.mp4") + "'");
    check_refused_input(folder.file("cover.mp4"), "cover pictures do not count");
}

TEST_CASE("folders that hold no frames are refused", "[program_bad_input]") {
    const afnet::TemporaryFolder folder;
    check_refused_input(folder.path(), "holds no frames");
    write_text(folder.file("notes.txt"), "no frame");
    check_refused_input(folder.path(), "holds no frames");
    write_text(folder.file("00001.jpg"), "no picture");
    const ProgramRun run = classified({"-q", folder.path()});
    check_refusal(run, 1, "00001.jpg: ");
    write_text(folder.file("00002.png"), "");
    check_refusal(classified({"-q", folder.path()}), 1, "00001.jpg: ");
}

TEST_CASE("a folder without permission is refused", "[program_bad_input]") {
    if (::geteuid() == 0) {
        WARN("root may read everything: not tested");
        return;
    }
    const afnet::TemporaryFolder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms::none);
    check_refused_input(folder.path(), "Permission denied");
    std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}

TEST_CASE("damaged and short videos are classified with a warning", "[program_bad_input]") {
    if (no_samples()) return;
    const afnet::TemporaryFolder folder;
    Bytes bytes = read_bytes(sample_video());
    bytes.resize(bytes.size() / 2);
    write_bytes(folder.file("cut.mp4"), bytes);
    ffmpeg("-i '" + sample_video() + "' -frames:v 7 '" + folder.file("short.mp4") + "'");
    for (const std::string name : {"cut.mp4", "short.mp4"}) {
        INFO(name);
        const ProgramRun run = classified({"--json", folder.file(name)});
        CHECK(run.status == 0);
        const auto line = run.json_lines().at(0);
        CHECK(line.at("status") == "ok");
        REQUIRE_FALSE(line.at("warnings").empty());
        for (const std::string warning : line.at("warnings")) {
            CHECK_THAT(warning, StartsWith(folder.file(name) + ": "));
            CHECK_THAT(run.err, Contains("afnet: " + warning + "\n"));
        }
        if (name == "short.mp4") {
            CHECK_THAT(run.err, Contains("has 7 frames, no more than the 12 of a clip"));
            CHECK(line.at("frames").get<std::vector<int>>() == std::vector<int>(12, 0));
        }
    }
}

TEST_CASE("weights files that are damaged are refused", "[program_bad_input]") {
    const WeightsDraft draft;
    draft.write();
    const std::string whole = contents_of(draft.path);
    const auto refused = [&](const std::string &bytes, const std::string &part) {
        write_bytes(draft.path, bytes);
        check_refused_weights(draft.path, part);
    };
    refused("", "the file has 0 bytes");
    refused(whole.substr(0, 100), "the header is said to have");
    refused(whole.substr(0, whole.size() - 1), "The file is damaged or no safetensors file");
    refused(little_endian(UINT64_MAX, 8) + whole.substr(8), "the header is said to have 18446744073709551615 bytes");
    refused(little_endian(100000001, 8) + whole.substr(8), "at most 100000000");
    refused(safetensors::file_of(safetensors::one("[2]", "[0,16]"), 8), "within the 8 bytes of data");
    refused(safetensors::file_of(safetensors::one("[2]", "[8,0]"), 8), "a begin up to its end");
    const std::string overlapping = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                    R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})";
    refused(safetensors::file_of(overlapping, 12), "overlaps tensor 'a'");
    refused(safetensors::file_of(safetensors::one("[2]", "[0,8]"), 8), "no afnet.model");
    refused("What is this?", "safetensors");
}

TEST_CASE("weights that are not those of their description are refused", "[program_bad_input]") {
    WeightsDraft odd;
    entry_of(odd.entries, "bn1.weight").key = "\x1b[2Jbn1";
    entry_of(odd.entries, "fc.bias").values[1] = std::numeric_limits<float>::quiet_NaN();
    odd.write();
    check_refused_weights(odd.path, "3 parameters do not fit the model:\n  'bn1.weight': missing; [16] expected\n");
    check_refused_weights(odd.path, "\n  '\\x1b[2Jbn1': [16] is no part of the model\n");
    check_refused_weights(odd.path, "\n  'fc.bias': element 1 is not finite\n");

    WeightsDraft renamed;
    for (Entry &entry : renamed.entries) entry.key = "x." + entry.key;
    renamed.write();
    const std::string message = run_program({"info", "--model", renamed.path}).err;
    CHECK(std::count(message.begin(), message.end(), '\n') == 42);  // 40 faults between the intro and the rest
    check_refused_weights(renamed.path, " more\n");
}

TEST_CASE("descriptions that are not known are refused", "[program_bad_input]") {
    const auto refused = [](const std::string &from, const std::string &to, const std::string &part) {
        WeightsDraft draft;
        draft.describe(from, to);
        draft.write();
        check_refused_weights(draft.path, part);
    };
    refused("\"af_resnet\"", "\"af_vit\"", "\"af_vit\"");
    refused("\"frames\":4", "\"frames\":400", "frames is 400; 1 to 256 expected");
    refused("\"frames\":4", "\"frames\":8", "6 parameters do not fit");
    refused("\"small\"", "\"\\u001b[2J\"", "name is '\\x1b[2J'");
    refused("{", "[", "model description: ");
}

TEST_CASE("weights are for one number of frames", "[program_bad_input]") {
    const WeightsDraft draft;
    draft.write();
    const Arguments line = {"classify", "-q", "/nowhere", "--model", draft.path, "--frames", "8"};
    check_refusal(run_program(line), 1, "its weights are for clips of 4 frames; --frames 8 asks for another number");
}

TEST_CASE("paths that are no weights files are refused", "[program_bad_input]") {
    const afnet::TemporaryFolder folder;
    check_refused_weights(folder.path(), "holds no checkpoint");
    REQUIRE(::mkfifo(folder.file("fifo").c_str(), 0600) == 0);
    check_refused_weights(folder.file("fifo"), "not a regular file");
    check_refused_weights(folder.file("none.safetensors"), "no such file");
}

TEST_CASE("checkpoints that cannot be imported leave no file", "[program_bad_input]") {
    const afnet::TemporaryFolder folder;
    write_text(folder.file("text.pth"), "Not a checkpoint.");
    const std::string whole = torch_file(state_dict_of(small_network(afnet::Family::AfResNet)));
    write_bytes(folder.file("cut.pth"), whole.substr(0, whole.size() / 2));
    const std::vector<std::string> before = names_in(folder.path());
    const auto refused = [&](const std::string &checkpoint, const std::string &part) {
        INFO(checkpoint);
        const ProgramRun run = run_program({"import", checkpoint, folder.file("out.safetensors"), "--json"});
        check_refusal(run, 1, part);
        CHECK(run.out.empty());
        CHECK(names_in(folder.path()) == before);
    };
    refused(folder.file("text.pth"), "text.pth: not a PyTorch checkpoint");
    refused(folder.file("cut.pth"), "cut.pth: ");
    refused(folder.file("none.pth"), "none.pth: cannot open");
    refused(folder.path(), "not a regular file");
    refused(fixture("torch/legacy.pth"), "legacy.pth: ");
    refused(fixture("torch/state_dict.pth"), "no network that is known here");
}

TEST_CASE("reference vectors that cannot be compared are told", "[program_bad_input]") {
    check_refusal(run_program({"verify", "--dtype", "f64", AFNET_GOLDEN_DIR "/r50_tsn_t8_s64.safetensors"}), 1,
                  "an evaluation case");
    check_refusal(run_program({"verify", "/nowhere"}), 1, "/nowhere: ");
    check_refusal(run_program({"verify", AFNET_PROGRAM}), 1, "safetensors");
}

TEST_CASE("kernel targets and folders that do not serve", "[program_bad_input]") {
    const auto refused = [](const std::string &variable, int status, const std::string &part) {
        INFO(variable);
        const ProgramRun run = classified({"-q", "/nowhere"}, with_variable(variable));
        check_refusal(run, status, part);
        CHECK(run.out.empty());
    };
    refused("AFNET_TARGET=mips", 2, "AFNET_TARGET=mips: unknown target 'mips'; known are x86-64, x86-64-avx2");
    for (const afnet::Target &target : afnet::targets()) {
        if (!afnet::runs_here(target)) refused("AFNET_TARGET=" + target.name, 1, "AFNET_TARGET=" + target.name);
    }
    const afnet::TemporaryFolder folder;
    refused("AFNET_KERNELS=" + folder.path(), 1, folder.path() + ": no kernel library for target ");
    refused("AFNET_KERNELS=" + folder.file("none"), 1, folder.file("none") + ": no kernel library for target ");
    const std::string manifest = "a." + afnet::choose_target(nullptr, {}).name + ".json";
    write_text(folder.file(manifest), "{");
    refused("AFNET_KERNELS=" + folder.path(), 1, manifest + ": not a kernel manifest");
}

TEST_CASE("kernel libraries that are not those of their manifest are refused", "[program_bad_input]") {
    const afnet::TemporaryFolder folder;
    for (const auto &file : std::filesystem::directory_iterator(AFNET_KERNEL_DIR)) {
        const std::string name = file.path().filename().string();
        if (file.path().extension() != ".json") continue;
        write_bytes(folder.file(name), read_bytes(file.path().string()));
        write_text(folder.file(file.path().stem().string() + ".so"), "no library");
    }
    check_refusal(classified({"-q", "/nowhere"}, with_variable("AFNET_KERNELS=" + folder.path())), 1,
                  "not the library that " + folder.path());
}
