// Ctrl-C, requests to end and requests to save, seen by long loops at points where stopping is safe.
#pragma once

namespace afnet {

/// From now on SIGINT and SIGTERM only set a flag; a second one ends the process at once.
void catch_interrupts();

/// True once the user pressed Ctrl-C or the process was asked to end.
bool interrupted();

/// The signal that was caught, 0 if none.
int caught_signal();

/// From now on SIGUSR1 asks for the work to be saved; without this it ends the process.
void catch_save_requests();

/// True once for each time that saving was asked for; requests that come before the first is taken count as one.
bool take_save_request();

}  // namespace afnet
