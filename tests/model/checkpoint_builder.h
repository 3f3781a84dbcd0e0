// Checkpoints of small networks with weights by the recipe, in the formats that are imported, for tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/lowering.h"
#include "model/recipe.h"
#include "runtime/safetensors.h"
#include "tests/runtime/torch_builder.h"

namespace afnet_test {

/// One tensor of a state_dict: an int64 scalar where `counter`, which `num_batches_tracked` is.
struct Entry {
    std::string key;
    std::vector<int64_t> shape;
    std::vector<float> values;
    bool counter = false;
};

inline afnet::ModelDescription small_network(afnet::Family family) {
    afnet::ModelDescription d;
    d.name = "small";
    d.family = family;
    d.width = 16;
    d.depths = {2, 2, 2, 2};
    d.frames = 4;
    d.classes = 5;
    d.size = 64;
    return d;
}

inline std::vector<afnet::ParameterInfo> parameters_of(const afnet::ModelDescription &d) {
    afnet::RunShape shape;
    shape.frames = d.frames;
    return afnet::lower(d, shape).parameters;
}

/// A state_dict with weights drawn from `seed`. `renamed` gives the key in the file, as training wraps a network.
inline std::vector<Entry> state_dict_of(const afnet::ModelDescription &d, uint64_t seed,
                                        const std::function<std::string(const std::string &)> &renamed) {
    std::vector<Entry> entries;
    for (const afnet::ParameterInfo &p : parameters_of(d)) {
        entries.push_back({renamed(p.key), p.shape, afnet::recipe_parameter(p.key, p.shape, seed)});
        const size_t dot = p.key.rfind('.');
        if (p.key.substr(dot) != ".running_var") continue;
        entries.push_back({renamed(p.key.substr(0, dot) + ".num_batches_tracked"), {}, {4000}, true});
    }
    return entries;
}

inline std::vector<Entry> state_dict_of(const afnet::ModelDescription &d, uint64_t seed = 3) {
    return state_dict_of(d, seed, [](const std::string &key) { return key; });
}

/// As the authors' training wraps an AF-ResNet: DataParallel, then TSN's wrapper with a classifier of its own.
inline std::string wrapped_key(const std::string &key) {
    return key.rfind("fc.", 0) == 0 ? "module.new_" + key : "module.base_model." + key;
}

inline std::string storage_of(const Entry &entry) {
    if (entry.counter) return little_endian(static_cast<uint64_t>(entry.values.at(0)), 8);
    return std::string(reinterpret_cast<const char *>(entry.values.data()), entry.values.size() * sizeof(float));
}

inline std::string pickled_tensor(const Entry &entry, const std::string &storage) {
    std::vector<int64_t> strides(entry.shape.size(), 1);
    for (size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * entry.shape[i];
    const auto elements = static_cast<int64_t>(entry.values.size());
    return torch::tensor(0, entry.shape, strides,
                         torch::storage_id(elements, entry.counter ? "LongStorage" : "FloatStorage", storage));
}

/// What torch.save writes of a state_dict; with `training`, of the dict that the authors' training saves around it.
inline std::string torch_file(const std::vector<Entry> &entries, bool training = false) {
    using namespace torch;
    std::vector<ZipContents> files = {{"archive/data.pkl", ""}};
    std::string weights = ordered_dict() + "(";
    for (size_t i = 0; i < entries.size(); i++) {
        weights += text(entries[i].key) + pickled_tensor(entries[i], std::to_string(i));
        files.push_back({"archive/data/" + std::to_string(i), storage_of(entries[i])});
    }
    weights += "u";
    if (training) {
        const std::string momentum = "}" + text("momentum_buffer") + pickled_tensor(entries[0], "0") + "s";
        weights = "}(" + text("epoch") + integer(55) + text("arch") + text("AF-ResNet") + text("state_dict") + weights +
                  text("optimizer") + "}(" + text("state") + "}" + integer(0) + momentum + "s" + text("param_groups") +
                  "](}" + text("lr") + std::string("G\x3f\x84\x7a\xe1\x47\xae\x14\x7b") + "seu" + text("val_acc_top1") +
                  "](" + integer(48) + "Ne" + text("best_prec1") + "Nu";
    }
    files[0].data = pickled(weights);
    files.push_back({"archive/version", "3\n"});
    return build_zip(files).bytes;
}

/// The same tensors, counters left out, as a plain safetensors file; `entries` must outlive the call only.
inline void write_plain_safetensors(const std::string &path, const std::vector<Entry> &entries) {
    std::vector<afnet::SafetensorsTensor> tensors;
    for (const Entry &entry : entries) {
        if (entry.counter) continue;
        tensors.push_back({entry.key, "F32", entry.shape, reinterpret_cast<const unsigned char *>(entry.values.data()),
                           entry.values.size() * sizeof(float)});
    }
    afnet::write_safetensors(path, tensors, {});
}

inline void write_bytes(const std::string &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

/// The entry of that key, to break it.
inline Entry &entry_of(std::vector<Entry> &entries, const std::string &key) {
    for (Entry &entry : entries) {
        if (entry.key == key) return entry;
    }
    FAIL("no entry " << key);
    return entries.front();
}

}  // namespace afnet_test
