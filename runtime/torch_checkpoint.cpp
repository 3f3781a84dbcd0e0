#include "runtime/torch_checkpoint.h"

#include <cstring>
#include <set>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/pickle.h"
#include "runtime/text.h"
#include "runtime/torch_tensor_reader.h"
#include "runtime/zip_archive.h"

namespace afnet {

namespace {

constexpr size_t max_name_bytes = 1024;
constexpr const char *state_dict_keys[] = {"state_dict", "model", "model_state"};
constexpr const char *save_state_dict = "Save it again with torch.save(model.state_dict(), ...)";

bool starts_with(const unsigned char *data, size_t size, size_t at, std::string_view text) {
    return size >= at + text.size() && std::memcmp(data + at, text.data(), text.size()) == 0;
}

// Tells the formats that are no zip archive apart, for the sake of a message that helps.
void require_zip(const unsigned char *data, size_t size, const std::string &path) {
    if (starts_with(data, size, 0, "PK")) return;
    // A pickle of the number 0x1950a86a20f9469cfc6c opened the format from 0.1.10 on; a tar archive was the one before.
    const bool legacy_pickle =
        starts_with(data, size, 0, "\x80") && starts_with(data, size, 2, "\x8a\x0al\xfc\x9c\x46\xf9\x20j\xa8\x50\x19.");
    if (legacy_pickle || starts_with(data, size, 257, "ustar")) {
        throw Error(path + ": a checkpoint in PyTorch's format before 1.6; a zip archive, as torch.save has written " +
                    "since, expected. If you trust the file, convert it with PyTorch: python3 -c \"import torch; " +
                    "torch.save(torch.load('OLD', map_location='cpu', weights_only=False), 'NEW')\"");
    }
    throw Error(path + ": not a PyTorch checkpoint; a zip archive written by torch.save expected. Is it the right " +
                "file, completely downloaded?");
}

// The folder that holds everything in the archive: named after the file, or `archive`.
std::string find_folder(const ZipArchive &archive, const std::string &path) {
    static constexpr std::string_view suffix = "/data.pkl";
    std::string folder;
    for (const ZipEntry &entry : archive.entries()) {
        const size_t slash = entry.name.find('/');
        if (slash == 0 || slash == std::string::npos || entry.name.substr(slash) != suffix) continue;
        if (!folder.empty()) {
            throw Error(path + ": entries " + printable(folder + "/data.pkl") + " and " + printable(entry.name) +
                        " in one archive; a single data.pkl expected. " + save_state_dict);
        }
        folder = entry.name.substr(0, slash);
    }
    if (folder.empty()) {
        throw Error(path + ": no data.pkl in the zip archive; a checkpoint written by torch.save expected. Is it the " +
                    "right file?");
    }
    if (archive.find(folder + "/constants.pkl")) {
        throw Error(path + ": a TorchScript archive; a checkpoint written by torch.save expected. " + save_state_dict);
    }
    return folder;
}

void require_little_endian(const ZipArchive &archive, const std::string &folder, const std::string &path) {
    const ZipEntry *entry = archive.find(folder + "/byteorder");
    if (!entry) return; // written before 2.1, when there was nothing else
    const std::string order(reinterpret_cast<const char *>(entry->data), entry->size);
    if (order == "little") return;
    throw Error(path + ": byte order " + printable(order) + "; 'little' expected. Save it again on a little-endian " +
                "machine");
}

bool has_tensor(const PickleValue *dict) {
    if (!dict || dict->kind != PickleKind::dict) return false;
    for (size_t i = 1; i < dict->items.size(); i += 2) {
        if (is_torch_tensor(*dict->items[i])) return true;
    }
    return false;
}

// What the pickle holds instead of a state_dict.
std::string contents_text(const PickleValue &root) {
    if (root.kind == PickleKind::object && root.items[0]->kind == PickleKind::global) {
        return "a pickled " + printable(root.items[0]->text);
    }
    if (root.kind != PickleKind::dict) return "no dict";
    std::string keys;
    for (size_t i = 0; i < root.items.size() && i < 16; i += 2) {
        if (root.items[i]->kind == PickleKind::text)
            keys += (keys.empty() ? " " : ", ") + printable(root.items[i]->text);
    }
    return "a dict without tensors, with the keys" + (keys.empty() ? " (none)" : keys);
}

const PickleValue &find_state_dict(const PickleValue &root, const std::string &path) {
    for (const char *key : state_dict_keys) {
        const PickleValue *candidate = find_item(root, key);
        if (has_tensor(candidate)) return *candidate;
    }
    if (has_tensor(&root)) return root;
    throw Error(path + ": holds " + contents_text(root) + "; a state_dict, or one under state_dict, model or " +
                "model_state, expected. " + save_state_dict);
}

std::string tensor_name(const PickleValue &key, std::set<std::string> &names, const std::string &path) {
    const auto refuse = [&](const std::string &what, const char *expected) {
        throw Error(path + ": " + what + "; " + expected + " expected. " + save_state_dict);
    };
    if (key.kind != PickleKind::text) refuse("a key of the state_dict is no text", "names of tensors");
    if (key.text.size() > max_name_bytes) {
        refuse("key " + printable(key.text) + " has " + std::to_string(key.text.size()) + " bytes", "at most 1024");
    }
    if (!is_utf8(key.text)) refuse("key " + printable(key.text) + " is not UTF-8", "UTF-8");
    if (!names.insert(key.text).second)
        refuse("key " + printable(key.text) + " appears twice", "one tensor for a name");
    return key.text;
}

} // namespace

std::vector<TorchTensor> read_torch_checkpoint(const std::string &path) {
    const MappedFile file(path);
    return parse_torch_checkpoint(file.data(), file.size(), path);
}

std::vector<TorchTensor> parse_torch_checkpoint(const unsigned char *data, size_t size, const std::string &path,
                                                Checksums checksums) {
    require_zip(data, size, path);
    const ZipArchive archive(data, size, path);
    const std::string folder = find_folder(archive, path);
    require_little_endian(archive, folder, path);

    const ZipEntry &entry = *archive.find(folder + "/data.pkl");
    if (checksums == Checksums::verify) archive.verify(entry);
    const Pickle pickle(entry.data, entry.size, path);
    const PickleValue &state_dict = find_state_dict(pickle.root(), path);

    TorchTensorReader reader(archive, folder, path, checksums, uint64_t(size) * 16 / sizeof(float));
    std::set<std::string> names;
    std::vector<TorchTensor> tensors;
    for (size_t i = 0; i < state_dict.items.size(); i += 2) {
        const std::string name = tensor_name(*state_dict.items[i], names, path);
        const PickleValue &value = *state_dict.items[i + 1];
        if (!is_torch_tensor(value)) {
            throw Error(path + ": entry " + printable(name) +
                        " of the state_dict is no tensor; only tensors expected. " + save_state_dict);
        }
        tensors.push_back(reader.read(name, value));
    }
    return tensors;
}

} // namespace afnet
