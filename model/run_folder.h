// The folder of one training run: its configuration, checkpoints and logs, held by one process at a time.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/training_state.h"

namespace afnet {

class RunFolder {
public:
    enum class Existing { Refuse, Resume }; // a run that is already there

    /// Makes the folder or opens it again, locks it for as long as this lives (a killed process lets go of it too),
    /// removes what interrupted writes left behind, and writes config.json. `config` is the resolved configuration, a
    /// JSON object; a run goes on with the one that it began with, except for the fields in `changeable` (JSON pointers
    /// such as `/epochs`), which may change. A run that ended before its first checkpoint is none: it begins again, with
    /// any configuration. Throws Error for a folder that another process trains into, that holds a run (`Refuse`), a run
    /// of another configuration, or other files, and when it cannot be written.
    RunFolder(const std::string &path, const std::string &config, Existing existing,
              const std::set<std::string> &changeable = {});
    ~RunFolder();
    RunFolder(const RunFolder &) = delete;
    RunFolder &operator=(const RunFolder &) = delete;

    const std::string &path() const { return path_; }
    std::string config() const { return path_ + "/config.json"; }
    std::string last() const { return last_in(path_); }
    /// The same of a folder that another process has open.
    static std::string last_in(const std::string &folder) { return folder + "/last.safetensors"; }
    std::string best() const { return path_ + "/best.safetensors"; }
    /// The checkpoint that is kept after `epochs` epochs.
    std::string after(int64_t epochs) const;
    /// Whether there is a checkpoint to go on from.
    bool has_last() const;
    /// Of those checkpoints, the numbers of epochs, ascending.
    std::vector<int64_t> kept() const;

    /// What to write besides last.safetensors.
    struct Copies {
        bool best = false;  // the state has the best score so far
        bool after = false; // epoch-N.safetensors, N = state.epoch
        int keep = 0;       // of those the latest; 0: all
        const TrainingState *shown = nullptr; // what these two hold, where not the state itself
    };
    /// Writes checkpoints, removes those that are not kept, and writes `last` at the end: a run that is cut off anywhere
    /// between goes on from the `last` before, and comes by here again. So log the epoch before this. Throws as save_training_state does.
    void save(const TrainingState &state, const Copies &copies) const;

private:
    void lock();
    void remove_temporaries() const;
    void remove_oldest(int keep) const;
    void check_config(const std::string &config, const std::set<std::string> &changeable) const;

    std::string path_;
    int lock_ = -1;
};

/// The file that `model` stands for: of a run folder its best checkpoint, else the last one; any other name as it is.
/// Throws Error for a folder without checkpoints.
std::string checkpoint_of(const std::string &model);

} // namespace afnet
