#include "runtime/safetensors.h"

#include <algorithm>
#include <ostream>
#include <set>

#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/safetensors_header.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Json = nlohmann::json;

constexpr size_t alignment = 64; // of the first element: a cache line

[[noreturn]] void refuse(const std::string &path, const std::string &what, const std::string &expected) {
    throw Error(path + ": cannot write: " + what + "; " + expected + " expected. Nothing was changed");
}

void check_name(const std::string &path, const std::string &what, const std::string &name) {
    if (name.size() > safetensors_max_name_bytes) {
        refuse(path, what + " " + printable(name) + " has a name of " + std::to_string(name.size()) + " bytes",
               "at most 1024");
    }
    if (!is_utf8(name)) refuse(path, what + " " + printable(name) + " has a name that is not UTF-8", "UTF-8");
}

void check_tensor(const std::string &path, const SafetensorsTensor &tensor) {
    check_name(path, "tensor", tensor.name);
    const std::string what = "tensor " + printable(tensor.name);
    if (tensor.name == "__metadata__") refuse(path, what + " has the name of the metadata", "another name");
    const size_t element = element_bytes(tensor.dtype);
    if (element == 0) refuse(path, what + " has dtype " + printable(tensor.dtype), "one of " + known_element_types());
    if (tensor.shape.size() > safetensors_max_rank) {
        refuse(path, what + " has shape " + shape_text(tensor.shape), "a rank of at most 8");
    }
    const std::optional<uint64_t> count = element_count(tensor.shape);
    uint64_t bytes = 0;
    if (!count || __builtin_mul_overflow(*count, element, &bytes) || bytes != tensor.bytes) {
        refuse(path,
               what + " has " + std::to_string(tensor.bytes) + " bytes for " + tensor.dtype + " " +
                   shape_text(tensor.shape),
               "type, shape and bytes that match");
    }
}

void check_input(const std::string &path, const std::vector<SafetensorsTensor> &tensors,
                 const std::map<std::string, std::string> &metadata) {
    std::set<std::string> names;
    for (const SafetensorsTensor &tensor : tensors) {
        check_tensor(path, tensor);
        if (!names.insert(tensor.name).second) {
            refuse(path, "tensor " + printable(tensor.name) + " is given twice", "one tensor for a name");
        }
    }
    for (const auto &[name, value] : metadata) {
        check_name(path, "metadata", name);
        if (!is_utf8(value)) refuse(path, "metadata " + printable(name) + " is not UTF-8", "UTF-8");
    }
}

// Put together entry by entry rather than as one JSON value, whose look-up of a name would be linear in the number of
// tensors or would lose their order.
std::string header_text(const std::vector<const SafetensorsTensor *> &tensors,
                        const std::map<std::string, std::string> &metadata) {
    std::string text = "{";
    if (!metadata.empty()) text += "\"__metadata__\":" + Json(metadata).dump();
    uint64_t begin = 0;
    for (const SafetensorsTensor *tensor : tensors) {
        if (text.size() > 1) text += ',';
        const uint64_t end = begin + tensor->bytes;
        text += Json(tensor->name).dump() + ":{\"dtype\":\"" + tensor->dtype +
                "\",\"shape\":" + Json(tensor->shape).dump() + ",\"data_offsets\":[" + std::to_string(begin) + "," +
                std::to_string(end) + "]}";
        begin = end;
    }
    text += '}';
    text.append((alignment - (sizeof(uint64_t) + text.size()) % alignment) % alignment, ' ');
    return text;
}

} // namespace

void write_safetensors(const std::string &path, const std::vector<SafetensorsTensor> &tensors,
                       const std::map<std::string, std::string> &metadata) {
    check_input(path, tensors, metadata);
    std::vector<const SafetensorsTensor *> ordered;
    ordered.reserve(tensors.size());
    for (const SafetensorsTensor &tensor : tensors)
        ordered.push_back(&tensor);
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const auto *a, const auto *b) { return element_bytes(a->dtype) > element_bytes(b->dtype); });

    const std::string header = header_text(ordered, metadata);
    if (header.size() > safetensors_max_header_bytes) {
        refuse(path, "the header has " + std::to_string(header.size()) + " bytes", "at most 100000000");
    }
    const uint64_t length = header.size();
    write_file(path, [&](std::ostream &out) {
        out.write(reinterpret_cast<const char *>(&length), sizeof length);
        out.write(header.data(), static_cast<std::streamsize>(header.size()));
        for (const SafetensorsTensor *tensor : ordered) {
            if (tensor->bytes == 0) continue; // its data may be null
            out.write(reinterpret_cast<const char *>(tensor->data), static_cast<std::streamsize>(tensor->bytes));
        }
    });
}

} // namespace afnet
