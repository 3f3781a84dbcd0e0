// What a run says about its epochs: one row each in log.csv, log.jsonl and a file for TensorBoard.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "runtime/appended_file.h"
#include "runtime/event_file.h"

namespace afnet {

constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();

/// One epoch. What was not measured is NaN: empty in CSV, null in JSON, left out for TensorBoard.
struct EpochRecord {
    int64_t epoch = 0; // from 0
    int64_t step = 0;  // since training began, after the epoch
    double loss = kNotMeasured, cross_entropy = kNotMeasured, ratio_error = kNotMeasured; // means over its clips
    double top1 = kNotMeasured;                                                           // of training clips, percent
    double val_top1 = kNotMeasured, val_top5 = kNotMeasured;                              // percent
    double realised_rt = kNotMeasured, target_rt = kNotMeasured;
    double patch_ratio_error = kNotMeasured, realised_rs = kNotMeasured, target_rs = kNotMeasured; // of masks in space
    double temperature = kNotMeasured, rate = kNotMeasured;
    double gradient_norm = kNotMeasured; // mean over its steps
    int64_t skipped_steps = 0;           // whose loss or gradient was not finite
    double clips_per_s = kNotMeasured, seconds = kNotMeasured;
};

/// The logs of one run folder, open for appending.
class TrainingLog {
public:
    /// Opens or makes the logs in `folder`. Rows of `first_epoch` and later are cut off, because these epochs will be
    /// run again, and so is what a crash left torn. Throws Error when a file cannot be written, or is no such log.
    TrainingLog(const std::string &folder, int64_t first_epoch);

    /// Adds a row to each file and waits until the disk has it. Throws Error when one cannot be written; then all are
    /// as they were.
    void append(const EpochRecord &record);

private:
    AppendedFile csv_, jsonl_;
    EventFile events_;
};

} // namespace afnet
