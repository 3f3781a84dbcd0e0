// Small trainings that tests of the program run, and what they leave behind.
#pragma once

#include <string>

#include "tests/program/program_run.h"

namespace afnet_test {

/// Makes a folder of videos by `afnet synth` and gives the name of their list.
std::string made_clips(const std::string &folder, int clips, const std::string &data_set = "key-stripe", int seed = 3);

/// Arguments of a run in two stages that is over in a moment: 13 and 8 steps, two of `clips` an epoch, with dropout,
/// two optimisers, gates, validation and kept checkpoints. It goes on with what is in `out`. `batch` clips a step, half
/// of the list's; a recipe is written beside the list.
Arguments two_stages(const std::string &list, const std::string &out, int batch = 2, int micro_batch = 0);

/// Checks that a run left behind the same files, with the same bits, as another: checkpoints and the log's rows, times
/// apart.
void check_same_run(const std::string &expected, const std::string &run);

} // namespace afnet_test
