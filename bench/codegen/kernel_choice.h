// Which kernels, for which targets, with which knobs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autotune/records.h"
#include "model/description.h"
#include "runtime/kernel_spec.h"
#include "runtime/target.h"

namespace afnet {

/// Every kernel that these models run, each once, sorted by name: for inference with all element types, or for training
/// in f32 as well.
std::vector<KernelSpec> kernels_of(const std::vector<ModelDescription> &models, bool training);

/// Those of shipped models in inference and training, of preprocessing, and of measurements of the machine.
std::vector<KernelSpec> shipped_kernels();

/// The kernels whose names match one of the globs (`*` any text, `?` any character), in the order of `known`. Throws
/// UsageError where a glob matches none; the message has the nearest name.
std::vector<KernelSpec> matching_kernels(const std::vector<KernelSpec> &known, const std::vector<std::string> &globs);

/// How a kernel is compiled.
struct Variant {
    Target target;
    std::optional<Knobs> knobs; // none: the target's record of the kernel, or automatic ones
    std::string name;           // for people: the target, and the knobs where they tell variants apart
    std::string file_part;      // the same within names of files
};

/// Knobs in words: `co_block=16,tile_x=6`; `automatic`; `record`, which gives none; a record's file. Throws UsageError
/// or Error.
std::optional<Knobs> knobs_named(const std::string &text);

/// Each target with each set of knobs. Throws UsageError for unknown targets.
std::vector<Variant> variants_of(const std::vector<std::string> &targets, const std::vector<std::string> &knobs);

/// Two variants to compare: of each word, a target's name, or knobs as knobs_named() takes them. A word that is one
/// says nothing of the other, which is then the only one of `targets` or of `knobs`, the best target here, or the
/// record. Throws UsageError.
std::vector<Variant> compared_variants(const std::vector<std::string> &words, const std::vector<std::string> &targets,
                                       const std::vector<std::string> &knobs);

} // namespace afnet
