#include "runtime/mpi_processes.h"
#if AFNET_WITH_MPI

// C alone: the C++ bindings, long deprecated, would need another library.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <climits>
#include <mpi.h>

#include "runtime/error.h"

namespace afnet {

namespace {

int count_of(size_t bytes) {
    if (bytes > INT_MAX) throw Error("MPI: a message of " + std::to_string(bytes) + " bytes; at most 2 GiB go");
    return int(bytes);
}

// MPI ends all ranks itself where a call fails (MPI_ERRORS_ARE_FATAL), with a message.
class MpiProcesses : public ProcessGroup {
public:
    MpiProcesses() {
        int given = 0;
        MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given);
        if (given < MPI_THREAD_FUNNELED) throw Error("this MPI does not allow processes to have threads");
        MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
        MPI_Comm_size(MPI_COMM_WORLD, &ranks_);
    }
    int rank() const override { return rank_; }
    int ranks() const override { return ranks_; }
    void gather(const void *given, size_t bytes, void *all) override {
        const int count = count_of(bytes);
        MPI_Allgather(given, count, MPI_BYTE, all, count, MPI_BYTE, MPI_COMM_WORLD);
    }
    void exchange(const void *given, size_t bytes, void *taken) override {
        const int count = count_of(bytes);
        MPI_Alltoall(given, count, MPI_BYTE, taken, count, MPI_BYTE, MPI_COMM_WORLD);
    }
    void leave() override { MPI_Finalize(); }

private:
    int rank_ = 0, ranks_ = 1;
};

} // namespace

std::unique_ptr<ProcessGroup> join_mpi() {
    return std::make_unique<MpiProcesses>();
}

} // namespace afnet

#endif // AFNET_WITH_MPI
