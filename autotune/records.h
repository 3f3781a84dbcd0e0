// Tuned knobs: data, one file per target and kernel, `<folder>/<target>/<kernel>.json`:
//   {"knobs": {"co_block": 32, "tile_x": 7}, …}   what else stands there is for people
#pragma once

#include <map>
#include <string>

namespace afnet {

/// The record's knobs; empty where there is no record. Throws Error for a file that is no record.
std::map<std::string, int> record_knobs(const std::string &folder, const std::string &target,
                                        const std::string &kernel);

}  // namespace afnet
