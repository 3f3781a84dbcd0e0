// The candidates of a study of dynamic sparsity on one model and shape, measured in turn.
#pragma once

#include <functional>

#include "bench/sparsity_bench.h"
#include "bench/study_networks.h"

namespace afnet {

class SparsityStudy {
public:
    /// Loads all networks. `options` are complete, and outlive the study.
    SparsityStudy(const SparsityOptions &options, const LoadedModel &model, const RunShape &shape,
                  KernelStore &kernels);

    /// All candidates in turn on `threads` threads. `name` and `dtype` as on the command line.
    SparsityCase measure(const std::string &name, const std::string &dtype, int threads, MachineMeter &meter,
                         const std::function<void(size_t)> &progress);

private:
    struct Candidate {
        SparsityPoint point;
        StudiedNetwork *network = nullptr;
        ForcedMasks masks;
        std::vector<BlockPart> parts; // of each focal block
    };
    using Masks = std::vector<std::vector<int>>;

    Masks frame_pattern(const std::string &mask, double rt);
    Masks patch_pattern(const std::string &shape, int grid, double rs) const;
    void add_frames(const std::string &mask, double rt, const Masks &frames);
    void add_patches(const SparsityPoint &of, const Masks &frames, const Masks &patches);
    void add(SparsityPoint point, StudiedNetwork &network, ForcedMasks masks);

    const SparsityOptions &options_;
    const LoadedModel &model_;
    StudyNetworks networks_;
    std::vector<std::string> blocks_;
    std::vector<Candidate> candidates_;
};

} // namespace afnet
