// Ctrl-C and requests to end, seen by long loops at points where stopping is safe.
#pragma once

namespace afnet {

/// From now on SIGINT and SIGTERM only set a flag; a second one ends the process at once.
void catch_interrupts();

/// True once the user pressed Ctrl-C or the process was asked to end.
bool interrupted();

/// The signal that was caught, 0 if none.
int caught_signal();

}  // namespace afnet
