// Tensors in a file: the safetensors format, the project's own for weights and training state. Nothing in such a file
// is ever executed, and a file is either understood to its last byte or refused.
//
//   u64 length of the header | header: JSON, padded with spaces | the tensors' elements, without gaps
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/element_type.h"
#include "runtime/file_io.h"

namespace afnet {

/// One tensor. When read, `data` lies in the mapped file, at any alignment: copy elements out with memcpy or to_floats.
struct SafetensorsTensor {
    std::string name;           // UTF-8, at most 1024 bytes
    std::string dtype;          // a name that element_bytes knows
    std::vector<int64_t> shape; // outermost extent first, as in PyTorch; at most 8 extents; empty: a scalar
    const unsigned char *data;  // little-endian elements, the innermost extent dense
    size_t bytes;               // element_bytes(dtype) * element_count(shape)
};

/// A safetensors file, open for reading; its tensors are views into it. Movable; the views stay valid.
class SafetensorsFile {
public:
    /// Throws Error when the file cannot be mapped (see MappedFile) or is no valid safetensors file: shorter than its
    /// 8-byte length or than its header, a header beyond 100 MB or that parse_safetensors_header refuses, an element
    /// type that cannot be read, a tensor whose offsets lie outside of the data or do not match its type and shape,
    /// two tensors that overlap, or bytes that no tensor covers.
    explicit SafetensorsFile(const std::string &path);

    /// The same over `size` bytes in memory that outlive the result; `path` only appears in messages.
    static SafetensorsFile from_memory(const unsigned char *data, size_t size, const std::string &path);

    /// The `__metadata__` entry; empty when there is none.
    const std::map<std::string, std::string> &metadata() const { return metadata_; }
    /// All tensors, in the order of their data in the file.
    const std::vector<SafetensorsTensor> &tensors() const { return tensors_; }
    /// The tensor of that name, or nullptr.
    const SafetensorsTensor *find(const std::string &name) const;
    /// The mapping, e.g. to release its pages. Throws Error for a file made by from_memory.
    const MappedFile &file() const;

private:
    SafetensorsFile() = default;
    void parse(const std::string &path, const unsigned char *data, size_t size);

    std::optional<MappedFile> file_;
    std::map<std::string, std::string> metadata_;
    std::vector<SafetensorsTensor> tensors_;
    std::map<std::string, size_t> index_;
};

/// The elements of a tensor, converted as convert_elements says. Throws Error for a tensor that no SafetensorsFile
/// made and whose dtype is unknown.
std::vector<float> to_floats(const SafetensorsTensor &tensor);
std::vector<double> to_doubles(const SafetensorsTensor &tensor);
/// The index of the first element that is, as a float, NaN or an infinity; the number of elements where all are finite.
size_t first_not_finite(const SafetensorsTensor &tensor);

/// Writes `path` (all of it or nothing, see write_file). The data starts at a multiple of 64 bytes, and wider element
/// types come first, so that every element is aligned; otherwise the order is kept. The same input gives the same
/// bytes.
/// Throws Error for a tensor that SafetensorsFile would refuse: a name twice, `__metadata__` or beyond 1024 bytes,
/// text that is not UTF-8, an unknown dtype, a rank beyond 8, a negative extent, bytes that do not match; for a header
/// beyond 100 MB; and when the file cannot be written.
void write_safetensors(const std::string &path, const std::vector<SafetensorsTensor> &tensors,
                       const std::map<std::string, std::string> &metadata);

} // namespace afnet
