#include "autotune/search_strategy.h"

#include <random>
#include <set>
#include <unordered_map>

#include "runtime/error.h"

namespace afnet {

namespace {

class Exhaustive : public SearchStrategy {
public:
    explicit Exhaustive(SearchSpace space) : space_(std::move(space)), size_(space_.size()) {}

    std::optional<Knobs> propose() override {
        if (next_ == size_) return std::nullopt;
        return space_.point(next_++);
    }

private:
    SearchSpace space_;
    uint64_t size_, next_ = 0;
};

// A shuffle that is carried out only as far as it is asked for: no space is too large.
class Random : public SearchStrategy {
public:
    Random(SearchSpace space, uint64_t seed) : space_(std::move(space)), size_(space_.size()), draw_(seed) {}

    std::optional<Knobs> propose() override {
        if (next_ == size_) return std::nullopt;
        // The engine's numbers are fixed by the standard, those of its distributions are not.
        const uint64_t other = next_ + draw_() % (size_ - next_);
        const uint64_t chosen = at(other);
        moved_[other] = at(next_);
        moved_.erase(next_++);
        return space_.point(chosen);
    }

private:
    uint64_t at(uint64_t place) const {
        const auto found = moved_.find(place);
        return found == moved_.end() ? place : found->second;
    }

    SearchSpace space_;
    uint64_t size_, next_ = 0;
    std::mt19937_64 draw_;
    std::unordered_map<uint64_t, uint64_t> moved_; // place -> point, where it is not the place's own
};

class Beginning : public SearchStrategy {
public:
    Beginning(std::vector<Knobs> first, std::unique_ptr<SearchStrategy> then)
        : first_(std::move(first)), then_(std::move(then)) {}

    std::optional<Knobs> propose() override {
        for (;;) {
            std::optional<Knobs> knobs = next_ < first_.size() ? first_[next_++] : then_->propose();
            if (!knobs || proposed_.insert(*knobs).second) return knobs;
        }
    }

    void observe(const Measurement &measurement) override { then_->observe(measurement); }

private:
    std::vector<Knobs> first_;
    std::unique_ptr<SearchStrategy> then_;
    size_t next_ = 0;
    std::set<Knobs> proposed_;
};

} // namespace

std::unique_ptr<SearchStrategy> make_strategy(const std::string &name, const SearchSpace &space, uint64_t seed) {
    if (name == "exhaustive") return std::make_unique<Exhaustive>(space);
    if (name == "random") return std::make_unique<Random>(space, seed);
    throw UsageError("unknown strategy '" + name + "'; exhaustive or random");
}

std::unique_ptr<SearchStrategy> beginning_with(std::vector<Knobs> first, std::unique_ptr<SearchStrategy> then) {
    return std::make_unique<Beginning>(std::move(first), std::move(then));
}

} // namespace afnet
