// Memory that kernels ask for while they run: intermediate stages of a task. Blocks stay allocated in per-thread lists.
// The system's own allocator gives large ones back at once, so that every task would fault its pages in again.
#pragma once

#include <cstddef>

namespace afnet {

/// What a thread keeps at the most; it gives all back when it ends.
constexpr size_t kKeptBytes = size_t(64) << 20;

/// As halide_malloc: at least `bytes` at a multiple of 128, nullptr when there are none.
void *scratch_allocate(size_t bytes);
/// Takes back what scratch_allocate gave, on any thread.
void scratch_release(void *memory);

/// Bytes that the calling thread keeps for later.
size_t scratch_kept_bytes();

} // namespace afnet
