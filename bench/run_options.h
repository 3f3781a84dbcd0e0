// What is run, as the command line says it: models, clips, threads, element types. Shared by the subcommands.
#pragma once

#include <string>
#include <vector>

#include "model/command_line.h"
#include "model/network.h"
#include "model/weights_file.h"

namespace afnet {

/// Values of a sweep; every combination is run.
struct RunChoices {
    std::vector<int> frames = {0}; // per clip; 0: what the model is for
    std::vector<int> sizes = {224}, clips = {1};
    std::vector<int> threads; // empty: as --threads before the subcommand says
    std::vector<std::string> dtypes = {"f32"};
    std::string unselected = "masked";
};

/// Adds --frames, --size, --batch, --threads, --dtype and --unselected.
void add_run_options(CommandLine &app, RunChoices &choices);

/// The numbers of threads that are run, each at least 1; sets up the Halide runtime.
std::vector<int> thread_counts(const RunChoices &choices, int threads_before);

/// The element type that a kernel store must have for all of them: every target that has bf16 finds f32 as well.
Dtype widest_dtype(const RunChoices &choices);

/// How one combination runs `model`. Throws Error where the model's weights are for another number of frames.
RunShape run_shape(const LoadedModel &model, int frames, int size, int clips, const std::string &dtype,
                   const std::string &unselected);

/// How every combination runs `model`: by element type, then size, frames and clips.
std::vector<RunShape> run_shapes(const RunChoices &choices, const LoadedModel &model);

/// A kernel for people: with the vendor's library that has it, if any.
std::string with_vendor(const std::string &kernel, const std::string &vendor);

/// The headline of what ran so: model, frames and their size, clips at a time, threads.
std::string run_title(const std::string &model, int frames, int size, int clips, int threads);

}  // namespace afnet
