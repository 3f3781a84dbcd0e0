#include "bench/result_file.h"

#include <cmath>

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json.h"
#include "runtime/text.h"

namespace afnet {

namespace {

using Json = nlohmann::json;

constexpr size_t kMaxBytes = size_t(64) << 20;

// Fields that say what a row measures. The other fields are results, or follow from these.
const char *const kIdentity[] = {"model",  "kernel", "shape",      "frames", "size", "batch",   "threads", "dtype",
                                 "target", "mask",   "unselected", "caches", "rt",   "patches", "grid",    "rs"};

// Rows without masks in space have a ratio of them as well, but not in results from before there were any.
bool identifies(const Json &object, const std::string &key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return false;
    return key != "rs" || identifies(object, "grid");
}

[[noreturn]] void refuse(const std::string &path, const std::string &what) {
    throw Error(path + ": not a result of `afnet bench --json`: " + what);
}

double number(const std::string &path, const std::string &where, const Json &object, const char *key) {
    const auto found = object.find(key);
    if (found == object.end()) refuse(path, where + " has no " + key);
    if (!found->is_number()) refuse(path, where + ": " + key + " is " + printable(found->dump()));
    return found->get<double>();
}

std::string text_of(const Json &value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

ResultRow row_of(const std::string &path, size_t index, const Json &object) {
    const std::string where = "row " + std::to_string(index);
    if (!object.is_object()) refuse(path, where + " is no object");
    ResultRow row;
    for (const char *key : kIdentity) {
        if (!identifies(object, key)) continue;
        const auto found = object.find(key);
        if (found->is_structured()) refuse(path, where + ": " + key + " is a list or an object");
        row.identity.emplace_back(key, text_of(*found));
    }
    if (row.identity.empty()) refuse(path, where + " does not say what it measures");
    row.ms_median = number(path, where, object, "ms_median");
    row.ms_p95 = number(path, where, object, "ms_p95");
    if (!(row.ms_median > 0) || !(row.ms_p95 >= row.ms_median)) {
        refuse(path, where + ": ms_median " + std::to_string(row.ms_median) + " and ms_p95 " +
                         std::to_string(row.ms_p95) + " make no sense");
    }
    if (object.contains("samples")) {
        const double samples = number(path, where, object, "samples");
        if (!(samples >= 1 && samples <= 1e9)) refuse(path, where + ": samples make no sense");
        row.samples = size_t(samples);
    }
    return row;
}

ResultMachine machine_of(const std::string &path, const Json &document) {
    const auto found = document.find("machine");
    if (found == document.end() || !found->is_object()) refuse(path, "it has no machine");
    ResultMachine machine;
    for (const auto &[key, value] : {std::pair("cpu", &machine.cpu), std::pair("target", &machine.target)}) {
        const auto text = found->find(key);
        if (text == found->end() || !text->is_string()) refuse(path, std::string("its machine has no ") + key);
        *value = text->get<std::string>();
    }
    for (const Json &device : found->value("devices", Json::array())) {
        if (!device.is_object() || !device.contains("device")) refuse(path, "its machine's devices have no names");
        machine.devices += (machine.devices.empty() ? "" : ", ") + text_of(device.at("device"));
    }
    const double threads = number(path, "its machine", *found, "threads");
    if (!(threads >= 1 && threads <= 1e6)) refuse(path, "its machine has " + std::to_string(threads) + " threads");
    machine.threads = int(threads);
    machine.fma_peak_gmac_per_s = number(path, "its machine", *found, "fma_peak_gmac_per_s");
    if (found->contains("busy_share")) machine.busy_share = number(path, "its machine", *found, "busy_share");
    return machine;
}

}  // namespace

BenchResult read_result(const std::string &path) {
    BenchResult result;
    result.path = path;
    Json document;
    try {
        document = Json::parse(read_file(path, kMaxBytes));
    } catch (const Json::exception &) {
        refuse(path, "it is no JSON");
    }
    if (!document.is_object()) refuse(path, "it is no object");
    result.machine = machine_of(path, document);
    const auto rows = document.find("rows");
    if (rows == document.end() || !rows->is_array() || rows->empty()) refuse(path, "it has no rows");
    for (size_t i = 0; i < rows->size(); i++)
        result.rows.push_back(row_of(path, i, (*rows)[i]));
    return result;
}

}  // namespace afnet
