// Processes that compute one thing together, on one machine or several: MPI's ranks, or this process alone. Only
// runtime/mpi_processes.cpp knows MPI.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace afnet {

/// All ranks call the same functions in the same order, each from one thread. Where one of them throws or dies instead,
/// it must end: whatever started the processes then ends the others.
class ProcessGroup {
public:
    virtual ~ProcessGroup() = default;

    virtual int rank() const = 0; // from 0
    virtual int ranks() const = 0;
    bool alone() const { return ranks() == 1; }
    /// Whether this rank is the one that writes files and talks.
    bool first() const { return rank() == 0; }

    /// Every rank gives `bytes` bytes and gets those of all, rank by rank: [bytes, ranks].
    virtual void gather(const void *given, size_t bytes, void *all) = 0;
    /// Every rank gives `bytes` bytes to each rank, `given` [bytes, receiver], and gets [bytes, giver].
    virtual void exchange(const void *given, size_t bytes, void *taken) = 0;
    /// The orderly end, of all ranks together. Without it the end of one rank is the end of all.
    virtual void leave() = 0;

    /// Numbers of all ranks, rank by rank.
    std::vector<double> gathered(const std::vector<double> &given);
    /// Sums over ranks, in their order.
    std::vector<double> sums(const std::vector<double> &given);
    /// Whether it is so on some rank.
    bool any(bool here);
    /// Comes back when all ranks are here.
    void wait() { any(false); }
    /// Throws Error on a rank whose text is not that of rank 0: `fault`, with the rank.
    void check_same(const std::string &text, const std::string &fault);
};

/// This process by itself.
std::unique_ptr<ProcessGroup> single_process();

/// The group that this process was started in: MPI's where a launcher such as mpirun started it, else it alone. Once in
/// a process. Throws Error where a launcher started several processes and this build has no MPI.
std::unique_ptr<ProcessGroup> join_processes();

} // namespace afnet
