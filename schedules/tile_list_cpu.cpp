#include "schedules/tile_list_schedule.h"

namespace afnet::schedules {

using namespace Halide;

void schedule_cpu(TileListStages s, const Target &) {
    s.rank.compute_root().parallel(s.rank.args()[2]);
    s.rank.update().parallel(s.rank.args()[2]);
    s.before.compute_root();
    s.tiles.reorder({s.entry, s.listed.x, s.listed.y, s.listed.z}).unroll(s.entry).parallel(s.listed.z);
    s.slots.parallel(s.looked_up.z);
}

} // namespace afnet::schedules
