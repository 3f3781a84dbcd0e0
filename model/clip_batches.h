// What training and evaluation read: batches of clips of a list, decoded and preprocessed ahead by threads of their
// own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "model/clip_loader.h"

namespace afnet {

/// What one reader of several fills of each batch: groups of `group` clips in turn, from number `index` on.
struct BatchShare {
    int index = 0, readers = 1;
    int group = 1;
};

struct BatchOptions {
    ClipOptions clip;
    int clips_per_batch = 8;
    BatchShare share;            // by default all of it
    int threads = 2;             // that decode and preprocess
    int queue = 2;               // batches that are ready or being made, at most
    size_t cache_bytes = 0;      // for decoded frames, which then are read once rather than in every epoch
    bool skip_unreadable = true; // else the first clip that cannot be read ends the run
};

struct ClipBatch {
    std::vector<float> pixels;   // clips x T frames of [3, x, y], normalised
    std::vector<int> labels;     // one per clip
    std::vector<size_t> samples; // the clips' places in the list
};

/// A clip that could not be read.
struct ClipFault {
    size_t sample = 0;
    std::string path, message;
};

/// The order in which an epoch of training goes through a list of `clips`: a permutation, all of them alike.
std::vector<uint32_t> epoch_order(size_t clips, uint64_t seed, uint32_t epoch);

/// In training an epoch goes through the list in random order, and clips that do not fill a batch are left out; a clip
/// that cannot be read is replaced by another one, drawn at random. In evaluation the order is the list's, the last
/// batch may be smaller, and clips that cannot be read are left out of theirs.
///
/// A batch depends on list, files, options.clip, clips_per_batch, share, epoch and its number alone: not on threads,
/// queue, cache, or where the epoch was begun. Shares of a batch are the batch: its order and clips are those of one
/// reader. One thread calls the functions; those that read are this object's own.
class ClipBatches {
public:
    /// Throws Error where options are out of range, or a list for training has fewer clips than a batch.
    ClipBatches(KernelStore &kernels, std::vector<ListedClip> clips, const BatchOptions &options);
    ~ClipBatches();
    ClipBatches(const ClipBatches &) = delete;
    ClipBatches &operator=(const ClipBatches &) = delete;

    /// Begins an epoch at a batch; what was being read is given up.
    void start(uint32_t epoch, size_t first_batch = 0);

    /// Of an epoch; of an evaluation those in which this reader has clips.
    size_t batches() const { return batches_; }
    const std::vector<ListedClip> &clips() const { return clips_; }

    /// Waits for the next batch; false after the epoch's last one. Memory that `batch` has is used again. Throws Error
    /// where kernels fail, where no clip of the whole list is readable, and, unless skip_unreadable, where a clip is
    /// not; Interrupted after Ctrl-C. After that, and before start(), there is no next batch.
    bool next(ClipBatch &batch);

    /// Gives up what is being read. As fast as a decoder comes to its next packet.
    void stop();

    /// Clips that could not be read so far, by their places in the list.
    std::vector<ClipFault> faults() const;

    /// Most batches that were ready or being made at one time.
    size_t most_queued() const;
    size_t cached_bytes() const { return cache_.bytes_kept(); }

private:
    struct Pending;
    struct Claim;
    void work(ClipLoader &loader);
    bool claim(Claim &claim);
    bool may_claim() const;
    void check_share() const;
    size_t clips_in(size_t batch) const;
    size_t place_in_batch(size_t slot) const;
    std::unique_ptr<Pending> make_pending(size_t batch);
    bool load(ClipLoader &loader, const Claim &claim);
    bool read(ClipLoader &loader, size_t sample, ChosenFrames &chosen);
    size_t replace(ClipLoader &loader, size_t sample, ChosenFrames &chosen);
    std::unique_ptr<Pending> wait_for_batch();
    [[noreturn]] void fail(const std::exception_ptr &failure);
    std::string fault_text() const;

    const std::vector<ListedClip> clips_;
    const BatchOptions options_;
    size_t batches_ = 0;
    FrameCache cache_;
    std::vector<std::unique_ptr<ClipLoader>> loaders_; // one per thread
    std::vector<std::thread> threads_;
    std::atomic<bool> stopping_{false};

    mutable std::mutex mutex_; // over all that follows
    std::condition_variable changed_;
    uint32_t epoch_ = 0;
    std::vector<uint32_t> order_;
    std::deque<std::unique_ptr<Pending>> pending_; // from batch head_ on
    std::exception_ptr failure_;                   // of no batch
    size_t head_ = 0;
    size_t next_batch_ = 0, next_slot_ = 0; // to be claimed
    size_t most_queued_ = 0;
    std::vector<std::vector<float>> spare_; // memory of batches that were used
    std::map<size_t, ClipFault> faults_;
};

} // namespace afnet
