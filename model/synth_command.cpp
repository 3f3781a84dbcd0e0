// afnet synth: synthetic data sets as real videos.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "model/command_line.h"
#include "model/progress.h"
#include "model/synthetic_folder.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/halide_host.h"
#include "runtime/json.h"
#include "runtime/json_text.h"
#include "runtime/parallel_for.h"
#include "runtime/text.h"

namespace afnet {

namespace {

struct Options {
    SyntheticSettings settings;
    std::string out;
    bool force = false;
};

struct Outcome {
    size_t bytes = 0; // of the videos
    double seconds = 0;
};

// Clips between two looks at progress and failures; many enough to keep all threads busy.
constexpr size_t kClipsAtATime = 64;

Outcome make_clips(SyntheticFolder &folder, const SyntheticSettings &settings, bool quiet) {
    const auto begin = std::chrono::steady_clock::now();
    const auto clips = size_t(settings.clips);
    Progress progress("synth " + settings.data_set, clips, quiet);
    std::vector<size_t> bytes(clips);
    for (size_t done = 0; done < clips;) {
        progress.update(done);
        const size_t count = std::min(kClipsAtATime, clips - done);
        parallel_for(count, [&](size_t i) { bytes[done + i] = folder.write_clip(done + i); });
        done += count;
    }
    progress.update(clips);
    folder.finish();
    Outcome outcome;
    for (const size_t each : bytes)
        outcome.bytes += each;
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return outcome;
}

void print_json(const Options &options, const Outcome &outcome) {
    auto line = nlohmann::ordered_json::parse(settings_text(options.settings));
    line.erase("format");
    line["path"] = options.out;
    line["list"] = options.out + "/list.txt";
    line["classes"] = synthetic_data_set(options.settings.data_set).classes;
    line["bytes"] = outcome.bytes;
    line["seconds"] = outcome.seconds;
    std::printf("%s\n", json_text(line).c_str());
}

void print_text(const Options &options, const Outcome &outcome) {
    const SyntheticSettings &s = options.settings;
    std::printf("%s: %lld clips of %s, seed %llu, in %.1f s\n", options.out.c_str(), (long long)s.clips,
                s.data_set.c_str(), (unsigned long long)s.seed, outcome.seconds);
    std::printf("  videos   %d frames, each shown %d times, %d x %d, %d a second; %.1f MB\n", s.frames, s.hold, s.size,
                s.size, s.fps, double(outcome.bytes) * 1e-6);
    std::printf("  list     %s/list.txt\n", options.out.c_str());
    std::printf("  classes  %zu, named in %s/classes.txt\n", synthetic_data_set(s.data_set).classes.size(),
                options.out.c_str());
    if (s.keys > 0)
        std::printf("  truth    %d key frames a clip, in %s/key_frames.json\n", s.keys, options.out.c_str());
    if (const int grid = synthetic_data_set(s.data_set).grid; grid > 0)
        std::printf("  patches  one of %d x %d in each of these, in %s/key_patches.json\n", grid, grid,
                    options.out.c_str());
}

int run_synth(Options &options, const CommandContext &context) {
    if (options.out.empty()) throw UsageError("--out: the name of a folder expected");
    complete_settings(options.settings);
    while (options.out.size() > 1 && options.out.back() == '/')
        options.out.pop_back();
    configure_halide(context.threads);
    SyntheticFolder folder(options.out, options.settings, options.force);
    const Outcome outcome = make_clips(folder, options.settings, context.quiet);
    (context.json ? print_json : print_text)(options, outcome);
    return 0;
}

std::vector<std::string> data_set_names() {
    std::vector<std::string> names;
    for (const SyntheticDataSet &each : synthetic_data_sets())
        names.push_back(each.name);
    return names;
}

const RegisterCommand registered{
    {"synth", "Make a data set of videos for training and testing", [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         SyntheticSettings &s = o->settings;
         app.add_option("-d,--dataset", s.data_set, "What the clips show")
             .required()
             .one_of(data_set_names());
         app.add_option("-o,--out", o->out, "Folder for the videos and their list").required();
         app.add_option("-n,--clips", s.clips, "How many clips").required().range(int64_t(1), kMostClips);
         app.add_option("--seed", s.seed, "Seed of the draw; another one gives other clips")
             .check(seed_fault)
             .capture_default_str();
         app.add_option("--first", s.first, "Number of the first clip; a clip depends on seed and number alone")
             .range(int64_t(0), kLastClip)
             .capture_default_str();
         app.add_option("--frames", s.frames, "T, frames that are drawn for a clip")
             .range(2, kMostFrames)
             .capture_default_str();
         app.add_option("--keys", s.keys, "Key frames of a clip: key-stripe, default: 2, and patch-key, default: 4")
             .range(1, kMostFrames);
         app.add_option("--size", s.size,
                        "Columns and rows, a multiple of 32 (motion-pairs, default: 64), 48 "
                        "(key-stripe, default: 48) or 64 (patch-key, default: 64)")
             .range(32, kMostSize);
         app.add_option("--hold", s.hold,
                        "Times that the video shows each frame; with 1, samplers that follow the "
                        "published rule see only the first")
             .range(1, kMostHold)
             .capture_default_str();
         app.add_option("--fps", s.fps, "Frames of the video a second")
             .range(1, 1000)
             .capture_default_str();
         app.add_option("--qp", s.qp, "Quantisation: 0 loses nothing, 51 most")
             .range(0, 51)
             .capture_default_str();
         app.add_flag("--force", o->force, "Also into a folder that holds something else; clips of other settings go");
         app.footer("Example: afnet synth --dataset motion-pairs --out train --clips 2500 --seed 1");
         return [o, &context] { return run_synth(*o, context); };
     }}};

} // namespace

} // namespace afnet
