// Threads of a test that act as the ranks of a group.
#pragma once

#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/process_group.h"

namespace afnet_test {

/// What the ranks have in common.
class ThreadGroups {
public:
    explicit ThreadGroups(int ranks) : given_(size_t(ranks)) {}

    /// Runs `work` once for each rank, at the same time, to the end of all.
    void run(const std::function<void(afnet::ProcessGroup &)> &work) {
        std::vector<std::thread> threads;
        for (int rank = 0; rank < ranks(); rank++) {
            threads.emplace_back([this, rank, &work] {
                Member member(*this, rank);
                work(member);
            });
        }
        for (std::thread &thread : threads)
            thread.join();
    }

private:
    class Member : public afnet::ProcessGroup {
    public:
        Member(ThreadGroups &all, int rank) : all_(all), rank_(rank) {}
        int rank() const override { return rank_; }
        int ranks() const override { return all_.ranks(); }
        void gather(const void *given, size_t bytes, void *all) override { take(given, bytes, 0, all); }
        void exchange(const void *given, size_t bytes, void *taken) override {
            take(given, bytes, size_t(rank_) * bytes, taken);
        }
        void leave() override {}

    private:
        void take(const void *given, size_t bytes, size_t offset, void *taken) {
            all_.given_[size_t(rank_)] = static_cast<const char *>(given);
            all_.meet();
            for (size_t from = 0; from < all_.given_.size(); from++) {
                std::memcpy(static_cast<char *>(taken) + from * bytes, all_.given_[from] + offset, bytes);
            }
            all_.meet();
        }
        ThreadGroups &all_;
        int rank_;
    };

    int ranks() const { return int(given_.size()); }
    void meet() {
        std::unique_lock<std::mutex> lock(mutex_);
        const size_t round = round_;
        if (++there_ == given_.size()) {
            there_ = 0;
            round_++;
            all_there_.notify_all();
        }
        all_there_.wait(lock, [&] { return round_ != round; });
    }

    std::vector<const char *> given_;
    std::mutex mutex_;
    std::condition_variable all_there_;
    size_t there_ = 0, round_ = 0;
};

} // namespace afnet_test
