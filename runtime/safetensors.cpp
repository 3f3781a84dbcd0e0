#include "runtime/safetensors.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "runtime/error.h"
#include "runtime/safetensors_header.h"
#include "runtime/text.h"

namespace afnet {

namespace {

constexpr size_t length_bytes = 8;

[[noreturn]] void refuse(const std::string &path, const std::string &what, const std::string &expected) {
    throw Error(path + ": " + what + "; " + expected + " expected. The file is damaged or no safetensors file: copy " +
                "or write it again");
}

// The bytes of the header, after checks that need no header.
size_t header_bytes(const std::string &path, const unsigned char *data, size_t size) {
    if (size < length_bytes) {
        refuse(path, "the file has " + std::to_string(size) + " bytes", "at least 8, the length of a header,");
    }
    uint64_t length;
    std::memcpy(&length, data, sizeof length);
    if (length > safetensors_max_header_bytes) {
        refuse(path, "the header is said to have " + std::to_string(length) + " bytes", "at most 100000000");
    }
    if (length > size - length_bytes) {
        refuse(path, "the header is said to have " + std::to_string(length) + " bytes",
               "at most the " + std::to_string(size - length_bytes) + " that follow");
    }
    return static_cast<size_t>(length);
}

std::string span_text(const SafetensorsEntry &entry) {
    return "tensor " + printable(entry.name) + " has data_offsets [" + std::to_string(entry.begin) + ", " +
           std::to_string(entry.end) + "]";
}

// One entry on its own: its type, and that its span is as long as its elements and lies in the data.
void check_entry(const std::string &path, const SafetensorsEntry &entry, uint64_t data_bytes) {
    const size_t element = element_bytes(entry.dtype);
    if (element == 0) {
        throw Error(path + ": tensor " + printable(entry.name) + " has dtype " + printable(entry.dtype) + "; one of " +
                    known_element_types() + " expected. Convert the tensor before writing the file");
    }
    const std::optional<uint64_t> count = element_count(entry.shape);
    uint64_t bytes = 0;
    if (!count || __builtin_mul_overflow(*count, element, &bytes)) {
        refuse(path, "tensor " + printable(entry.name) + " has shape " + shape_text(entry.shape),
               "fewer than 2^63 elements and 2^64 bytes");
    }
    if (entry.begin > entry.end || entry.end > data_bytes) {
        refuse(path, span_text(entry),
               "a begin up to its end, within the " + std::to_string(data_bytes) + " bytes of data");
    }
    if (entry.end - entry.begin != bytes) {
        refuse(path, span_text(entry),
               std::to_string(bytes) + " bytes for " + entry.dtype + " " + shape_text(entry.shape));
    }
}

// All entries together, sorted by offset: each begins where the one before it ends, and the last ends with the data.
// A byte that belongs to no tensor could hide another file in this one.
void check_cover(const std::string &path, const std::vector<SafetensorsEntry> &entries, uint64_t data_bytes) {
    uint64_t covered = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].begin < covered) {
            refuse(path, span_text(entries[i]) + " and overlaps tensor " + printable(entries[i - 1].name),
                   "tensors one after the other");
        }
        if (entries[i].begin > covered) {
            refuse(path, span_text(entries[i]) + " behind a gap", "a begin at " + std::to_string(covered));
        }
        covered = entries[i].end;
    }
    if (covered != data_bytes) {
        refuse(path, "the tensors cover " + std::to_string(covered) + " bytes",
               "all " + std::to_string(data_bytes) + " bytes of data");
    }
}

template <typename T> std::vector<T> converted(const SafetensorsTensor &tensor) {
    const bool as_stored = std::is_same_v<T, float> ? tensor.dtype == "F32" : tensor.dtype == "F64";
    if (as_stored && reinterpret_cast<uintptr_t>(tensor.data) % alignof(T) == 0) { // fills no vector twice
        const T *elements = reinterpret_cast<const T *>(tensor.data);
        return std::vector<T>(elements, elements + tensor.bytes / sizeof(T));
    }
    const size_t element = element_bytes(tensor.dtype);
    std::vector<T> values(element ? tensor.bytes / element : 0);
    convert_elements(tensor.dtype, tensor.data, values.size(), values.data());
    return values;
}

} // namespace

SafetensorsFile::SafetensorsFile(const std::string &path) : file_(path) {
    parse(path, file_->data(), file_->size());
}

SafetensorsFile SafetensorsFile::from_memory(const unsigned char *data, size_t size, const std::string &path) {
    SafetensorsFile file;
    file.parse(path, data, size);
    return file;
}

void SafetensorsFile::parse(const std::string &path, const unsigned char *data, size_t size) {
    const size_t length = header_bytes(path, data, size);
    const unsigned char *elements = data + length_bytes + length;
    const size_t data_bytes = size - length_bytes - length;

    SafetensorsHeader header =
        parse_safetensors_header(path, reinterpret_cast<const char *>(data + length_bytes), length);
    for (const SafetensorsEntry &entry : header.entries)
        check_entry(path, entry, data_bytes);
    std::stable_sort(header.entries.begin(), header.entries.end(), [](const auto &a, const auto &b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    check_cover(path, header.entries, data_bytes);

    metadata_ = std::move(header.metadata);
    tensors_.reserve(header.entries.size());
    for (SafetensorsEntry &entry : header.entries) {
        index_.emplace(entry.name, tensors_.size());
        tensors_.push_back({std::move(entry.name), std::move(entry.dtype), std::move(entry.shape),
                            elements + entry.begin, static_cast<size_t>(entry.end - entry.begin)});
    }
}

const SafetensorsTensor *SafetensorsFile::find(const std::string &name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
}

const MappedFile &SafetensorsFile::file() const {
    if (!file_) throw Error("safetensors: tensors parsed from memory have no file");
    return *file_;
}

std::vector<float> to_floats(const SafetensorsTensor &tensor) {
    return converted<float>(tensor);
}

size_t first_not_finite(const SafetensorsTensor &tensor) {
    const size_t count = tensor.bytes / std::max(size_t(1), element_bytes(tensor.dtype));
    if (tensor.dtype == "F32") return first_not_finite(tensor.data, count);
    const std::vector<float> values = to_floats(tensor);
    return first_not_finite(reinterpret_cast<const unsigned char *>(values.data()), count);
}

std::vector<double> to_doubles(const SafetensorsTensor &tensor) {
    return converted<double>(tensor);
}

} // namespace afnet
