// Tensors of a PyTorch checkpoint one at a time: from the call that would rebuild one to its dense values.
#pragma once

#include <string>
#include <unordered_set>

#include "runtime/pickle.h"
#include "runtime/torch_checkpoint.h"
#include "runtime/zip_archive.h"

namespace afnet {

/// Whether a value would be a tensor of some kind once PyTorch had rebuilt it.
bool is_torch_tensor(const PickleValue &value);

class TorchTensorReader {
public:
    /// Storages are the entries `<folder>/data/<key>` of `archive`; all tensors together may have `max_elements`
    /// elements. The archive outlives this object.
    TorchTensorReader(const ZipArchive &archive, const std::string &folder, const std::string &path,
                      Checksums checksums, uint64_t max_elements)
        : archive_(archive), folder_(folder), path_(path), checksums_(checksums), elements_left_(max_elements) {}

    /// The tensor `value` under `name`. Throws Error as read_torch_checkpoint says.
    TorchTensor read(const std::string &name, const PickleValue &value);

private:
    struct Storage {
        const unsigned char *data;
        uint64_t elements;
        const char *dtype;
        size_t element_bytes;
    };
    // What of a storage a tensor shows: element i, j, ... is number offset + i * strides[0] + j * strides[1] + ...
    struct View {
        uint64_t offset;
        std::vector<int64_t> shape, strides;
        uint64_t count;
    };

    [[noreturn]] void refuse(const std::string &what, const std::string &expected) const;
    const PickleValue &arguments(const PickleValue &value) const;
    int64_t integer(const PickleValue &value, const char *what) const;
    std::vector<int64_t> integers(const PickleValue &value, const char *what) const;
    Storage storage(const PickleValue &value);
    View view(const PickleValue &arguments, const Storage &storage);
    void check_reach(const View &view, const Storage &storage) const;

    const ZipArchive &archive_;
    std::string folder_, path_;
    Checksums checksums_;
    uint64_t elements_left_;
    std::string tensor_; // the one at hand, for messages
    std::unordered_set<const ZipEntry *> verified_;
};

} // namespace afnet
