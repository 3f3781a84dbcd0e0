// The bytes of a pickle, read from front to back; it knows where the opcode at hand began, and so makes the messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace afnet {

/// Everything throws Error, starting with `path` and naming the byte where the opcode began.
class PickleInput {
public:
    /// `data` and `path` outlive this object.
    PickleInput(const unsigned char *data, size_t size, const std::string &path)
        : data_(data), size_(size), path_(path) {}

    /// Throws.
    [[noreturn]] void refuse(const std::string &what, const std::string &expected) const;
    /// Throws when `number` things are more than `limit`.
    void require_at_most(size_t limit, size_t number, const char *things) const;

    size_t size() const { return size_; }
    size_t remaining() const { return size_ - position_; }
    /// The next opcode; refusals name its place from here on.
    unsigned char opcode();
    /// The next `bytes` bytes, in place.
    const unsigned char *take(uint64_t bytes);
    /// The unsigned number in the next `bytes` bytes, at most 8, the least significant first.
    uint64_t number(int bytes);
    /// The text up to the next line feed, which is dropped.
    std::string line();

private:
    const unsigned char *data_;
    size_t size_;
    const std::string &path_;
    size_t position_ = 0, opcode_at_ = 0;
};

} // namespace afnet
