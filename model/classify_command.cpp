// afnet classify: videos, folders of frames and streams to labels.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <sys/stat.h>

#include "model/clip_report.h"
#include "model/command_line.h"
#include "model/device_option.h"
#include "model/dtype_option.h"
#include "model/progress.h"
#include "model/unselected_option.h"
#include "runtime/clip_source.h"
#include "runtime/command.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/halide_host.h"
#include "runtime/interrupt.h"
#include "runtime/text.h"
#include "runtime/video_stream.h"

namespace afnet {

namespace {

struct Options {
    std::vector<std::string> inputs;
    std::string model = "key_stripe", csv, picture, block = "all";
    ClassifierOptions classifier;
    DeviceOptions device;
    uint64_t seed = 1, gumbel_seed = 0;
    bool lossless = false;
    int stride = 0, spacing = 4;
};

bool is_stream(const std::string &path) {
    struct stat status {};
    return path == "-" || (::stat(path.c_str(), &status) == 0 &&
                           (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)));
}

class Session {
public:
    Session(const Options &options, const CommandContext &context)
        : options_(options), context_(context), model_(load_model(options.model, options.seed)),
          weights_ms_(clock_.lap_ms()),
          kernels_(device_kernels(
              options.device, options.classifier.dtype,
              [this] { return gpu_kernels_of(model_.description, {classified_shape(model_, options_.classifier)}); },
              context.quiet)),
          manifests_ms_(clock_.lap_ms()), classifier_(model_, kernels_, options.classifier) {
        if (!model_.trained && !context.quiet) {
            std::fprintf(stderr, "afnet: %s has no trained weights here: %s are good for timing, its labels mean nothing\n",
                         options.model.c_str(), model_.source.c_str());
        }
    }

    int run() {
        const bool several = options_.inputs.size() > 1;
        Progress progress("classify", options_.inputs.size(), context_.quiet || !several);
        for (const std::string &path : options_.inputs) {
            progress.update(done_++, path);
            is_stream(path) ? classify_stream(path) : classify_file(path);
        }
        if (!options_.csv.empty()) write_file(options_.csv, clips_csv(results_));
        return failed_ ? 1 : 0;
    }

private:
    void classify_file(const std::string &path) {
        ClipResult result;
        result.path = path;
        DecodedClip clip;
        try {
            const auto begin = std::chrono::steady_clock::now();
            VideoOptions video;
            video.limits.cancelled = interrupted;
            clip = read_clip(path, classifier_.frames(), video);
            result.decode_ms =
                std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
            result.frames = clip.frame_indices;
            result.frame_seconds = clip.frame_pts_seconds;
            result.warnings = clip.warnings;
            classifier_.classify(clip.frames, result);
        } catch (const Interrupted &) {
            throw;
        } catch (const Error &error) {
            result.error = error.what();
        }
        report(result, clip.frames);
    }

    void classify_stream(const std::string &source) {
        StreamOptions stream_options;
        stream_options.lossless = options_.lossless;
        stream_options.limits.cancelled = interrupted;
        const int frames = classifier_.frames();
        stream_options.queue_frames = size_t(std::max(16, frames));
        const int stride = options_.stride > 0 ? options_.stride : frames * options_.spacing;
        int windows = 0;
        try {
            VideoStream stream(source, stream_options);
            for (;;) {
                const auto begin = std::chrono::steady_clock::now();
                std::optional<StreamWindow> window = stream.next_window(frames, stride, options_.spacing);
                if (interrupted()) throw Interrupted();
                if (!window) break;
                ClipResult result;
                result.path = source;
                result.decode_ms =
                    std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
                result.frames = window->frame_numbers;
                result.frame_seconds = window->seconds;
                classifier_.classify(window->frames, result);
                report(result, window->frames);
                windows++;
            }
            if (windows == 0) {
                throw Error(source + ": the stream ended after " + std::to_string(stream.received_frames()) +
                            " frames; a window of " + std::to_string(frames) + " frames, " +
                            std::to_string(options_.spacing) + " apart, needs " +
                            std::to_string((frames - 1) * options_.spacing + 1) + ". Take a smaller --spacing");
            }
            if (!context_.quiet) {
                for (const std::string &warning : stream.warnings()) std::fprintf(stderr, "afnet: %s\n", warning.c_str());
                std::fprintf(stderr, "afnet: %s: %lld frames received, %lld dropped, %d windows\n", source.c_str(),
                             (long long)stream.received_frames(), (long long)stream.dropped_frames(), windows);
            }
        } catch (const Interrupted &) {
            throw;
        } catch (const Error &error) {
            ClipResult result;
            result.path = source;
            result.error = error.what();
            report(result, {});
        }
    }

    LoadTimes load_times() {
        LoadTimes times = classifier_.network().load_times();
        times.kernels += manifests_ms_;
        times.weights = weights_ms_;
        return times;
    }

    void report(const ClipResult &result, const std::vector<RgbFrame> &frames) {
        if (std::ferror(stdout)) refuse_output();  // a stream reports its own end: said once
        if (!context_.quiet) {
            for (const std::string &warning : result.warnings) std::fprintf(stderr, "afnet: %s\n", warning.c_str());
        }
        if (!result.error.empty()) {
            failed_ = true;
            std::fprintf(stderr, "afnet: %s\n", result.error.c_str());
        }
        if (context_.json) {
            std::printf("%s\n", clip_json(result, load_times()).c_str());
        } else if (result.error.empty()) {
            std::printf("%s", clip_text(result).c_str());
        }
        // A line must arrive when its clip is done; main notices when it does not.
        if (std::fflush(stdout) != 0) refuse_output();
        if (!options_.csv.empty()) results_.push_back(result);
        if (!options_.picture.empty() && result.error.empty()) {
            write_clip_picture(options_.picture, result, frames, options_.block, model_.description);
        }
    }

    [[noreturn]] static void refuse_output() { throw Error("cannot write to standard output; is the disk full?"); }

    const Options &options_;
    const CommandContext &context_;
    LapClock clock_;
    LoadedModel model_;
    double weights_ms_;
    KernelStore kernels_;
    double manifests_ms_;
    Classifier classifier_;
    std::vector<ClipResult> results_;
    size_t done_ = 0;
    bool failed_ = false;
};

const RegisterCommand registered{
    {"classify", "Say what happens in videos", [](CommandLine &app, CommandContext &context) {
         auto o = std::make_shared<Options>();
         app.add_option("input", o->inputs, "Video files, folders of frames, `-` or a device for a stream").required();
         app.add_option("-m,--model", o->model, "Trained model, run folder, weights file, or name of a network")
             .capture_default_str();
         app.add_option("--frames", o->classifier.frames, "Frames per clip; default: what the model is for")
             .range(1, 256);
         app.add_option("--size", o->classifier.size, "Columns and rows of the crop; default: what the model is for")
             .range(32, 2048);
         app.add_option("--top", o->classifier.top, "Classes to print").range(1, 1000).capture_default_str();
         add_unselected_option(app, o->classifier.unselected);
         add_dtype_option(app, o->classifier.dtype);
         add_device_options(app, o->device);
         CommandOption gumbel = app.add_option("--gumbel-seed", o->gumbel_seed,
                                              "Draw Gumbel noise with this seed, as the authors' evaluation does")
                                   .check(seed_fault);
         app.add_option("--seed", o->seed, "Seed of the weights of a model that has none")
             .check(seed_fault)
             .capture_default_str();
         app.add_option("--csv", o->csv, "Also write a CSV file with a line per clip");
         app.add_option("--picture", o->picture,
                        "Write a contact sheet (PNG), rejected frames crossed, rejected patches dimmed");
         app.add_option("--block", o->block, "Focal block that the picture shows; `all`: each").capture_default_str();
         app.add_option("--stride", o->stride, "Streams: frames between windows; default: windows do not overlap")
             .range(1, 1000000);
         app.add_option("--spacing", o->spacing, "Streams: frames between a window's frames")
             .range(1, 1000)
             .capture_default_str();
         app.add_flag("--lossless", o->lossless, "Streams: let the source wait rather than drop frames");
         app.footer("Example: afnet classify --model af_resnet50_tsm video.mp4 --picture chosen.png");
         return [o, gumbel, &context] {
             if (!o->picture.empty() && o->inputs.size() > 1) throw UsageError("--picture takes one input");
             if (gumbel.count() > 0) o->classifier.gumbel_seed = o->gumbel_seed;
             configure_halide(context.threads);
             return Session(*o, context).run();
         };
     }}};

}  // namespace

}  // namespace afnet
