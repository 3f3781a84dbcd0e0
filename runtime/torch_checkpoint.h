// Weights from PyTorch checkpoints (.pth, .pt, .pth.tar), without PyTorch and without running anything that is in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace afnet {

/// One tensor of a state_dict, dense, whatever its strides were in the file.
struct TorchTensor {
    std::string name;           // the key, as it stands: `module.` and the like are kept
    std::string dtype;          // what it was stored as, by safetensors' names: F32, I64, ...
    std::vector<int64_t> shape; // outermost extent first; empty: a scalar
    std::vector<float> values;  // the innermost extent dense; converted as convert_elements says, so that an I64
                                // (num_batches_tracked) is exact up to 2^24
};

/// Whether the contents of an archive's entries are compared with their CRC-32.
enum class Checksums { verify, ignore };

/// The tensors of the state_dict in a checkpoint that torch.save wrote since PyTorch 1.6, in its order. The state_dict
/// is what stands under `state_dict`, `model` or `model_state` if that has tensors, or else the whole checkpoint;
/// everything else in the file (optimizer, numpy scalars, ...) is ignored unread.
/// Throws Error when the file cannot be mapped, is in the format before 1.6 (the message says how to convert it), a
/// TorchScript archive or something else, is refused by ZipArchive or Pickle, was written on a big-endian machine,
/// holds no state_dict or one with an entry that is no dense tensor, with a key that is not UTF-8, longer
/// than 1024 bytes or repeated, or with a tensor of rank above 8, of unknown element type, that reaches outside of its
/// storage or has more elements than it, whose storage is missing, of another size than stated or damaged; and when
/// tensors that share storages would take up more than 16 times the file.
std::vector<TorchTensor> read_torch_checkpoint(const std::string &path);

/// The same from `size` bytes in memory; `path` only appears in messages.
std::vector<TorchTensor> parse_torch_checkpoint(const unsigned char *data, size_t size, const std::string &path,
                                                Checksums checksums = Checksums::verify);

} // namespace afnet
