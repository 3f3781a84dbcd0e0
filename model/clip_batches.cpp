#include "model/clip_batches.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "model/random_use.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace afnet {

namespace {

// So many clips in the place of one are tried before a list is taken to be of another machine.
constexpr int kReplacements = 100;

void check_range(const char *name, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return;
    throw Error(std::string("clip batches: ") + name + " is " + std::to_string(value) + "; " + std::to_string(least) +
                " to " + std::to_string(most) + " expected");
}

} // namespace

// A batch that is being made.
struct ClipBatches::Pending {
    ClipBatch batch;
    std::vector<char> there;    // by slot; 0: the clip could not be read
    size_t open = 0;            // slots that are not done
    std::exception_ptr failure; // of the first slot that has one
    size_t failed_slot = 0;
};

// A slot that one thread fills.
struct ClipBatches::Claim {
    Pending *pending = nullptr;
    size_t slot = 0;
    size_t sample = 0;
    float *pixels = nullptr;
};

std::vector<uint32_t> epoch_order(size_t clips, uint64_t seed, uint32_t epoch) {
    RandomStream stream;
    stream.purpose = kClipOrder;
    stream.epoch = epoch;
    CounterRandom random(seed, stream);
    std::vector<uint32_t> order(clips);
    std::iota(order.begin(), order.end(), 0u);
    for (size_t left = clips; left > 1; --left)
        std::swap(order[left - 1], order[random.below(uint32_t(left))]);
    return order;
}

ClipBatches::ClipBatches(KernelStore &kernels, std::vector<ListedClip> clips, const BatchOptions &options)
    : clips_(std::move(clips)), options_(options), cache_(options.cache_bytes) {
    check_range("frames", options_.clip.frames, 1, 256);
    check_range("size", options_.clip.size, 1, 4096);
    check_range("clips per batch", options_.clips_per_batch, 1, 1 << 16);
    check_range("threads", options_.threads, 1, 1024);
    check_range("queue", options_.queue, 1, 1024);
    check_range("clips in the list", int64_t(clips_.size()), 1, UINT32_MAX);
    const size_t per_batch = size_t(options_.clips_per_batch);
    batches_ = options_.clip.train ? clips_.size() / per_batch : (clips_.size() + per_batch - 1) / per_batch;
    if (batches_ == 0) {
        throw Error("clip batches: a list of " + std::to_string(clips_.size()) + " clips does not fill a batch of " +
                    std::to_string(per_batch) + "; make batches smaller");
    }
    head_ = next_batch_ = batches_; // nothing comes before start()
    ClipOptions clip = options_.clip;
    clip.video.limits.cancelled = [this, asked = clip.video.limits.cancelled] {
        return stopping_.load(std::memory_order_relaxed) || interrupted() || (asked && asked());
    };
    for (int i = 0; i < options_.threads; ++i)
        loaders_.push_back(std::make_unique<ClipLoader>(kernels, clips_, clip, cache_));
}

ClipBatches::~ClipBatches() {
    stop();
}

void ClipBatches::stop() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    for (std::thread &thread : threads_)
        thread.join();
    threads_.clear();
    const std::lock_guard<std::mutex> lock(mutex_);
    pending_.clear();
    failure_ = nullptr;
    head_ = next_batch_ = batches_; // as in the beginning
    stopping_ = false;
}

void ClipBatches::start(uint32_t epoch, size_t first_batch) {
    stop();
    if (first_batch > batches_) {
        throw Error("clip batches: an epoch of " + std::to_string(batches_) + " batches cannot begin at batch " +
                    std::to_string(first_batch));
    }
    if (options_.clip.train) {
        order_ = epoch_order(clips_.size(), options_.clip.seed, epoch);
    } else if (order_.empty()) {
        order_.resize(clips_.size());
        std::iota(order_.begin(), order_.end(), 0u);
    }
    epoch_ = epoch;
    head_ = next_batch_ = first_batch;
    next_slot_ = 0;
    for (const auto &loader : loaders_)
        threads_.emplace_back([this, &loader] { work(*loader); });
}

size_t ClipBatches::clips_in(size_t batch) const {
    const size_t per_batch = size_t(options_.clips_per_batch);
    return std::min(per_batch, clips_.size() - batch * per_batch);
}

std::unique_ptr<ClipBatches::Pending> ClipBatches::make_pending(size_t batch) {
    auto pending = std::make_unique<Pending>();
    const size_t clips = clips_in(batch);
    if (!spare_.empty()) {
        pending->batch.pixels = std::move(spare_.back());
        spare_.pop_back();
    }
    pending->batch.pixels.resize(clips * loaders_.front()->clip_elements());
    pending->batch.labels.resize(clips);
    pending->batch.samples.resize(clips);
    pending->there.assign(clips, 0);
    pending->open = clips;
    return pending;
}

// With mutex_ held. Whether a slot may be begun: of a batch that is begun, or of one more that the queue has room for.
bool ClipBatches::may_claim() const {
    return next_batch_ < batches_ && next_batch_ < head_ + size_t(options_.queue);
}

// Waits for a slot to fill; false when there will be none.
bool ClipBatches::claim(Claim &claim) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || next_batch_ >= batches_ || may_claim(); });
    if (stopping_ || next_batch_ >= batches_) return false;
    if (next_slot_ == 0) {
        pending_.push_back(make_pending(next_batch_));
        most_queued_ = std::max(most_queued_, pending_.size());
    }
    claim.pending = pending_.back().get();
    claim.slot = next_slot_;
    claim.sample = order_[next_batch_ * size_t(options_.clips_per_batch) + next_slot_];
    claim.pixels = claim.pending->batch.pixels.data() + claim.slot * loaders_.front()->clip_elements();
    if (++next_slot_ == claim.pending->there.size()) {
        ++next_batch_;
        next_slot_ = 0;
    }
    return true;
}

void ClipBatches::work(ClipLoader &loader) {
    for (;;) {
        Claim slot;
        bool there = false;
        std::exception_ptr failure;
        try {
            if (!claim(slot)) return;
            there = load(loader, slot);
        } catch (...) {
            failure = std::current_exception();
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopping_) return;
        if (!slot.pending) { // no memory for a batch
            failure_ = failure;
            changed_.notify_all();
            return;
        }
        Pending &pending = *slot.pending;
        if (failure && (!pending.failure || slot.slot < pending.failed_slot)) {
            pending.failure = failure;
            pending.failed_slot = slot.slot;
        }
        pending.there[slot.slot] = there;
        if (--pending.open == 0) changed_.notify_all();
    }
}

// False where the clip cannot be read and nothing replaces it.
bool ClipBatches::load(ClipLoader &loader, const Claim &claim) {
    ChosenFrames chosen;
    size_t sample = claim.sample;
    if (!read(loader, sample, chosen)) {
        if (!options_.clip.train) return false;
        sample = replace(loader, sample, chosen);
    }
    claim.pending->batch.labels[claim.slot] = loader.show(epoch_, sample, chosen, claim.pixels);
    claim.pending->batch.samples[claim.slot] = sample;
    return true;
}

bool ClipBatches::read(ClipLoader &loader, size_t sample, ChosenFrames &chosen) {
    try {
        chosen = loader.read(epoch_, sample);
        return true;
    } catch (const Interrupted &) {
        throw;
    } catch (const Error &error) {
        const std::lock_guard<std::mutex> lock(mutex_);
        faults_[sample] = {sample, clips_[sample].path, error.what()};
        if (!options_.skip_unreadable) throw;
        return false;
    }
}

// Gives back the sample that was read instead.
size_t ClipBatches::replace(ClipLoader &loader, size_t sample, ChosenFrames &chosen) {
    RandomStream stream;
    stream.purpose = kReplacement;
    stream.epoch = epoch_;
    stream.sample = uint32_t(sample);
    CounterRandom random(options_.clip.seed, stream);
    for (int i = 0; i < kReplacements; ++i) {
        const size_t other = random.below(uint32_t(clips_.size()));
        if (read(loader, other, chosen)) return other;
    }
    throw Error("clip batches: " + std::to_string(kReplacements) +
                " clips in turn could not be read; is the list for these files?");
}

std::unique_ptr<ClipBatches::Pending> ClipBatches::wait_for_batch() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (head_ >= batches_) return nullptr;
    const auto ready = [&] { return failure_ || (!pending_.empty() && pending_.front()->open == 0); };
    // A signal handler cannot wake this thread: it has to look by itself now and then.
    while (!changed_.wait_for(lock, std::chrono::milliseconds(50), ready)) {
        if (interrupted()) throw Interrupted();
    }
    if (failure_) std::rethrow_exception(failure_);
    auto pending = std::move(pending_.front());
    pending_.pop_front();
    ++head_;
    changed_.notify_all();
    return pending;
}

void ClipBatches::fail(const std::exception_ptr &failure) {
    stop();
    if (interrupted()) throw Interrupted();
    if (!options_.skip_unreadable && !faults().empty()) throw Error(fault_text());
    std::rethrow_exception(failure);
}

bool ClipBatches::next(ClipBatch &batch) {
    for (;;) {
        std::unique_ptr<Pending> pending;
        try {
            pending = wait_for_batch();
        } catch (...) {
            stop();
            throw;
        }
        if (!pending) break;
        if (pending->failure) fail(pending->failure);
        ClipBatch &made = pending->batch;
        // Clips that were read move up.
        const size_t elements = loaders_.front()->clip_elements();
        size_t clips = 0;
        for (size_t slot = 0; slot < pending->there.size(); ++slot) {
            if (!pending->there[slot]) continue;
            if (clips != slot) {
                std::copy_n(made.pixels.begin() + long(slot * elements), elements,
                            made.pixels.begin() + long(clips * elements));
                made.labels[clips] = made.labels[slot];
                made.samples[clips] = made.samples[slot];
            }
            ++clips;
        }
        made.pixels.resize(clips * elements);
        made.labels.resize(clips);
        made.samples.resize(clips);
        std::swap(batch, made);
        const std::lock_guard<std::mutex> lock(mutex_);
        if (made.pixels.capacity() > 0) spare_.push_back(std::move(made.pixels));
        if (clips > 0) return true;
    }
    batch = {};
    if (!options_.clip.train && faults().size() == clips_.size()) throw Error(fault_text());
    return false;
}

std::vector<ClipFault> ClipBatches::faults() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<ClipFault> all;
    for (const auto &[sample, fault] : faults_)
        all.push_back(fault);
    return all;
}

std::string ClipBatches::fault_text() const {
    constexpr size_t kShown = 40;
    const std::vector<ClipFault> all = faults();
    std::string text = std::to_string(all.size()) + (all.size() == 1 ? " clip" : " clips") + " cannot be read:";
    for (size_t i = 0; i < std::min(all.size(), kShown); ++i)
        text += "\n  " + all[i].message;
    if (all.size() > kShown) text += "\n  and " + std::to_string(all.size() - kShown) + " more";
    return text;
}

size_t ClipBatches::most_queued() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return most_queued_;
}

} // namespace afnet
