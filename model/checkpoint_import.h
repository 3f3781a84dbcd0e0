// PyTorch checkpoints become weights files: which network it is follows from the keys and shapes of the state_dict.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/description.h"

namespace afnet {

/// What a checkpoint cannot say, or what the user expects it to say.
struct ImportOptions {
    std::string model;                // a shipped model that it must be, which says whether it shifts; empty: any
    std::optional<bool> shift;        // TSM leaves no trace in an AF-ResNet's parameters
    std::optional<int> frames;        // T, for networks whose parameters do not fix it
    std::optional<int> size;          // of the square crop; default: as the shipped models
    std::optional<int> grid;          // of masks in space, which parameters do not tell; default: 7
    std::string name;                 // default: that of the shipped model of this structure, or made from it
    std::vector<std::string> labels;  // class names; empty: none
};

/// A checkpoint as a weights file holds it: save_model() writes it.
struct ImportedModel {
    ModelDescription description;
    std::map<std::string, std::vector<float>> parameters;
    std::string shift_reason;  // how it was decided whether the network shifts, for people
    bool shift_guessed = false;
};

/// Reads a checkpoint (what torch.save writes, see read_torch_checkpoint, or a safetensors file of a state_dict) of an
/// AF-ResNet, of an AF-MobileNetV3, or of torchvision's ResNet with or without TSM's wrappers, of any depths
/// and width. The prefixes `module.` and `base_model.` are cut off, a wrapped ResNet's `new_fc` becomes `fc`, and
/// `num_batches_tracked` is dropped.
///
/// Masks follow from the navigations that are there: of frames, of patches or both; where the first focal block alone
/// has one of frames, all blocks share its mask.
///
/// Whether a ResNet shifts: the keys where they have TSM's wrappers, else `options.shift`, else `options.model`, else a
/// guess, which is yes when the file or its folder has `tsm` or `shift` in its name, in upper or lower case.
///
/// Throws Error when the file cannot be read, holds no such network or another one than `options` say; and with one
/// list of all parameters that are missing, superfluous, of a wrong shape, not finite or there twice. Throws UsageError
/// for options that contradict each other.
ImportedModel import_checkpoint(const std::string &path, const ImportOptions &options);

/// Class names from a text file, one a line. Throws Error for an empty line, and for text that is not UTF-8.
std::vector<std::string> read_labels(const std::string &path);

/// The structure for people, e.g. `AF-ResNet of width 64 with 3 4 6 3 blocks`.
std::string structure_text(const ModelDescription &description);

}  // namespace afnet
