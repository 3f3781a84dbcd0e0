#include "runtime/process_group.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "runtime/content_hash.h"
#include "runtime/error.h"
#include "runtime/mpi_processes.h"

namespace afnet {

namespace {

class SingleProcess : public ProcessGroup {
public:
    int rank() const override { return 0; }
    int ranks() const override { return 1; }
    void gather(const void *given, size_t bytes, void *all) override { std::memcpy(all, given, bytes); }
    void exchange(const void *given, size_t bytes, void *taken) override { std::memcpy(taken, given, bytes); }
    void leave() override {}
};

// Open MPI, PMIx and PMI name a rank to the processes that they start.
bool launched() {
    for (const char *name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}) {
        if (std::getenv(name)) return true;
    }
    return false;
}

#if !AFNET_WITH_MPI
bool launched_alone() {
    for (const char *name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
        const char *size = std::getenv(name);
        if (size && std::strcmp(size, "1") == 0) return true;
    }
    return false;
}
#endif

} // namespace

std::vector<double> ProcessGroup::gathered(const std::vector<double> &given) {
    std::vector<double> all(given.size() * size_t(ranks()));
    gather(given.data(), given.size() * sizeof(double), all.data());
    return all;
}

std::vector<double> ProcessGroup::sums(const std::vector<double> &given) {
    const std::vector<double> all = gathered(given);
    std::vector<double> result(all.begin(), all.begin() + long(given.size()));
    for (size_t i = given.size(); i < all.size(); i++)
        result[i % given.size()] += all[i];
    return result;
}

bool ProcessGroup::any(bool here) {
    if (alone()) return here;
    const uint8_t mine = here;
    std::vector<uint8_t> all(size_t(ranks()), 0);
    gather(&mine, 1, all.data());
    for (const uint8_t there : all) {
        if (there) return true;
    }
    return false;
}

void ProcessGroup::check_same(const std::string &text, const std::string &fault) {
    if (alone()) return;
    const std::string hash = content_hash(text);
    std::string all(hash.size() * size_t(ranks()), 0);
    gather(hash.data(), hash.size(), all.data());
    if (hash != all.substr(0, hash.size()))
        throw Error("rank " + std::to_string(rank()) + " of " + std::to_string(ranks()) + ": " + fault);
}

std::unique_ptr<ProcessGroup> single_process() {
    return std::make_unique<SingleProcess>();
}

std::unique_ptr<ProcessGroup> join_processes() {
    if (!launched()) return single_process();
#if AFNET_WITH_MPI
    return join_mpi();
#else
    if (launched_alone()) return single_process();
    throw Error("a launcher of MPI started several processes, and this build has no MPI; "
                "build with -DAFNET_WITH_MPI=ON, or start one process");
#endif
}

} // namespace afnet
