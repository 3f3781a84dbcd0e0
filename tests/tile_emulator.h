// AMX's tile instructions on CPUs that lack them: each raises a signal, whose handler does what the instruction would
// do. So the kernels' own machine code, tile configuration included, is tested where there is no AMX.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace afnet {

/// Whether nothing but AMX is missing of `features`, on a machine whose illegal instructions can be handled.
bool tiles_can_be_emulated(const std::vector<std::string> &features);

/// From now on tile instructions work in this process, thread by thread. May be called again, and must be in each test
/// case, as Catch handles illegal instructions in its own way from the start of one to its end.
void emulate_tiles();

/// Products of tile registers (tdpbf16ps) that were emulated so far, on all threads.
uint64_t emulated_tile_products();

} // namespace afnet
