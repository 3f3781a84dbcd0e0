#include "model/state_dict.h"

#include <algorithm>
#include <cstring>

#include "model/weights_file.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/safetensors.h"
#include "runtime/text.h"

namespace afnet {

namespace {

std::vector<TorchTensor> read_safetensors(const std::string &path) {
    const SafetensorsFile file(path);
    if (file.metadata().count(kDescriptionKey)) {
        throw Error(path + ": is a weights file already; use it as it is, or import the checkpoint it was made from");
    }
    std::vector<TorchTensor> tensors;
    for (const SafetensorsTensor &tensor : file.tensors()) {
        tensors.push_back({tensor.name, tensor.dtype, tensor.shape, to_floats(tensor)});
    }
    return tensors;
}

// File names say too many things (.pth, .pt, .tar, .bin); the formats differ in their first bytes.
bool is_safetensors(const std::string &path) {
    const MappedFile file(path);
    const bool archive = file.size() >= 2 && std::memcmp(file.data(), "PK", 2) == 0;
    return !archive && file.size() > 8 && file.data()[8] == '{';
}

std::string without_wrappers(const std::string &key) {
    for (const std::string prefix : {"module.", "base_model."}) {
        if (key.rfind(prefix, 0) == 0) return without_wrappers(key.substr(prefix.size()));
    }
    return key;
}

std::string network_key(const std::string &name, int &shifted_blocks) {
    static const std::string classifier = "new_fc.", shifting = ".conv1.net.weight";
    const std::string key = without_wrappers(name);
    if (key.rfind(classifier, 0) == 0) return "fc." + key.substr(classifier.size());
    if (!ends_with(key, shifting)) return key;
    shifted_blocks++;
    return key.substr(0, key.size() - shifting.size()) + ".conv1.weight";
}

}  // namespace

bool StateDict::has_prefix(const std::string &prefix) const {
    const auto at = tensors.lower_bound(prefix);
    return at != tensors.end() && at->first.rfind(prefix, 0) == 0;
}

int StateDict::extent(const std::string &key, size_t dimension, const std::string &meaning) const {
    const auto found = tensors.find(key);
    if (found == tensors.end()) throw Error(path + ": has no " + key + ", so that " + meaning + " is unknown");
    const std::vector<int64_t> &shape = found->second.shape;
    if (shape.size() <= dimension) {
        throw Error(path + ": " + key + " is " + shape_text(shape) + ", so that " + meaning + " is unknown");
    }
    return int(std::min<int64_t>(shape[dimension], 1 << 30));
}

int StateDict::count(const std::string &prefix) const {
    int count = 0;
    for (auto at = tensors.lower_bound(prefix); at != tensors.end() && at->first.rfind(prefix, 0) == 0; ++at) {
        const std::string index = at->first.substr(prefix.size(), at->first.find('.', prefix.size()) - prefix.size());
        // Longer numbers are no part of any network: they are found superfluous.
        const bool number = !index.empty() && index.size() < 5 &&
                            std::all_of(index.begin(), index.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (number) count = std::max(count, std::stoi(index) + 1);
    }
    return count;
}

StateDict read_state_dict(const std::string &path) {
    StateDict state;
    state.path = path;
    for (TorchTensor &tensor : is_safetensors(path) ? read_safetensors(path) : read_torch_checkpoint(path)) {
        if (ends_with(tensor.name, ".num_batches_tracked")) continue;
        const std::string key = network_key(tensor.name, state.shifted_blocks);
        const auto other = state.tensors.find(key);
        if (other == state.tensors.end()) {
            state.tensors[key] = std::move(tensor);
        } else {
            state.faults.push_back(printable(tensor.name) + ": is " + printable(key) + " of the network, as is " +
                                   printable(other->second.name));
        }
    }
    return state;
}

}  // namespace afnet
