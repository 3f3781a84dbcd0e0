// The parameters of a checkpoint under the keys of the network itself, without what training wrapped around it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/torch_checkpoint.h"

namespace afnet {

struct StateDict {
    std::string path;
    std::map<std::string, TorchTensor> tensors;  // by the network's key; `name` is the key in the file
    std::vector<std::string> faults;             // one line for each tensor that has another one's key
    int shifted_blocks = 0;                      // that TSM's wrapper marks

    bool has(const std::string &key) const { return tensors.count(key) > 0; }
    bool has_prefix(const std::string &prefix) const;

    /// Extent `dimension` of a parameter, at most 2^30. Throws Error where there is none; `meaning` says what is then
    /// unknown.
    int extent(const std::string &key, size_t dimension, const std::string &meaning) const;

    /// How many `<prefix><i>.…` there are, i counting from 0: the largest i and one, so that gaps are noticed later.
    int count(const std::string &prefix) const;
};

/// Reads what torch.save wrote (see read_torch_checkpoint), or a safetensors file of a state_dict; the first bytes tell
/// which. The prefixes `module.` and `base_model.` are cut off, `new_fc` becomes `fc`, the wrapper that TSM puts around
/// a block's first convolution is undone and counted, and `num_batches_tracked` is dropped. Throws Error when the file
/// cannot be read or is a weights file already.
StateDict read_state_dict(const std::string &path);

}  // namespace afnet
