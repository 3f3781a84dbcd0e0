#include "bench/run_options.h"

#include <algorithm>

#include "runtime/error.h"
#include "runtime/halide_host.h"

namespace afnet {

void add_run_options(CommandLine &app, RunChoices &choices) {
    app.add_option("--frames", choices.frames, "Frames per clip; 0: what the model is for")
        .range(0, 256)
        .capture_default_str();
    app.add_option("--size", choices.sizes, "Columns and rows").range(32, 2048).capture_default_str();
    app.add_option("--batch", choices.clips, "Clips at a time").range(1, 1024).capture_default_str();
    app.add_option("--threads", choices.threads, "Threads for kernels; 0: one per available processor")
        .range(0, 1024);
    app.add_option("--dtype", choices.dtypes, "Element types")
        .one_of(inference_dtype_names())
        .capture_default_str();
    app.add_option("--unselected", choices.unselected, "What unselected frames get")
        .one_of(unselected_names())
        .capture_default_str();
}

std::vector<int> thread_counts(const RunChoices &choices, int threads_before) {
    std::vector<int> counts;
    for (int threads : choices.threads.empty() ? std::vector<int>{threads_before} : choices.threads) {
        const int count = configure_halide(threads);
        if (std::find(counts.begin(), counts.end(), count) == counts.end()) counts.push_back(count);
    }
    return counts;
}

Dtype widest_dtype(const RunChoices &choices) {
    const bool bf16 = std::count(choices.dtypes.begin(), choices.dtypes.end(), dtype_name(Dtype::BF16)) > 0;
    return bf16 ? Dtype::BF16 : Dtype::F32;
}

RunShape run_shape(const LoadedModel &model, int frames, int size, int clips, const std::string &dtype,
                   const std::string &unselected) {
    const ModelDescription &d = model.description;
    RunShape shape;
    shape.frames = frames > 0 ? frames : d.frames;
    check_frames(model, shape.frames);
    shape.width = shape.height = size;
    shape.clips = clips;
    shape.unselected = unselected_named(unselected).value();
    shape.dtype = dtype_named(dtype);
    return shape;
}

std::vector<RunShape> run_shapes(const RunChoices &choices, const LoadedModel &model) {
    std::vector<RunShape> shapes;
    for (const std::string &dtype : choices.dtypes) {
        for (int size : choices.sizes) {
            for (int frames : choices.frames) {
                for (int clips : choices.clips)
                    shapes.push_back(run_shape(model, frames, size, clips, dtype, choices.unselected));
            }
        }
    }
    return shapes;
}

std::string with_vendor(const std::string &kernel, const std::string &vendor) {
    return vendor.empty() ? kernel : kernel + " (" + vendor + ")";
}

std::string run_title(const std::string &model, int frames, int size, int clips, int threads) {
    const std::string side = std::to_string(size);
    return model + ", " + std::to_string(frames) + " frames of " + side + "x" + side + ", batch " +
           std::to_string(clips) + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

}  // namespace afnet
