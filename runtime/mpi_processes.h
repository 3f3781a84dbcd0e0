// MPI's ranks as a group of processes.
#pragma once

#include "runtime/process_group.h"

#ifndef AFNET_WITH_MPI
#define AFNET_WITH_MPI 0 // set by CMake
#endif

namespace afnet {

/// Starts MPI, which can be done once in a process, and gives all its ranks.
std::unique_ptr<ProcessGroup> join_mpi();

} // namespace afnet
