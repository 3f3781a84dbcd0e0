// What the C library does with memory that was freed.
#pragma once

namespace afnet {

/// Freed memory stays with the process. While weights are packed, vectors of megabytes come and go; the system would
/// clear each one's pages and fault them in again. Call it once, at the start.
void keep_freed_memory();

/// Gives back what was kept so far.
void give_back_freed_memory();

} // namespace afnet
