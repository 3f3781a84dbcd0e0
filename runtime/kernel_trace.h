// A trace of kernel calls as Chrome Trace Event JSON, which ui.perfetto.dev and chrome://tracing draw.
#pragma once

#include <string>

#include "runtime/executor.h"

namespace afnet {

/// Whether AFNET_TRACE names a file; steps of all networks are then recorded.
bool tracing();

/// Records one step. Call only while tracing().
void trace_step(const StepReport &report);

/// Writes what was recorded to AFNET_TRACE's file, all or nothing. Throws Error when it cannot be written. Does nothing
/// when not tracing().
void write_trace();

}  // namespace afnet
