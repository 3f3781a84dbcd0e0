// Tuned knobs: data, one file per target and kernel, `<folder>/<target>/<kernel>.json`:
//   {"knobs": {"co_block": 32, "tile_x": 7}, "measured": {…}}   what stands beside `knobs` is for people
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace afnet {

/// Values of knobs by name; a knob that is not named is automatic.
using Knobs = std::map<std::string, int>;

/// Where a kernel's record is, whether there is one or not.
std::string record_path(const std::string &folder, const std::string &target, const std::string &kernel);

/// The record's knobs; empty where there is no record. Throws Error for a file that is no record.
Knobs record_knobs(const std::string &folder, const std::string &target, const std::string &kernel);

/// The knobs of a record's file. Throws Error for a file that is none.
Knobs read_record(const std::string &path);

/// Writes a kernel's record, or replaces it, at once or not at all. `measured`: an object for people. Throws Error when
/// it cannot be written.
void write_record(const std::string &folder, const std::string &target, const std::string &kernel, const Knobs &knobs,
                  const nlohmann::ordered_json &measured);

/// Knobs for people: `co_block 32, tile_x 7`, or `automatic`.
std::string knob_text(const Knobs &knobs);

} // namespace afnet
