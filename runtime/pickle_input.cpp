#include "runtime/pickle_input.h"

#include <cstring>

#include "runtime/error.h"

namespace afnet {

void PickleInput::refuse(const std::string &what, const std::string &expected) const {
    throw Error(path_ + ": " + what + " at byte " + std::to_string(opcode_at_) + " of the pickle; " + expected +
                " expected. The file is damaged or was not made by torch.save: copy it or save it again");
}

void PickleInput::require_at_most(size_t limit, size_t number, const char *things) const {
    if (number > limit) refuse("too many " + std::string(things), "at most " + std::to_string(limit));
}

unsigned char PickleInput::opcode() {
    opcode_at_ = position_;
    return *take(1);
}

const unsigned char *PickleInput::take(uint64_t bytes) {
    if (bytes > remaining()) {
        refuse("an operand of " + std::to_string(bytes) + " bytes",
               "at most the " + std::to_string(remaining()) + " that follow");
    }
    const unsigned char *at = data_ + position_;
    position_ += bytes;
    return at;
}

uint64_t PickleInput::number(int bytes) {
    const auto size = static_cast<size_t>(bytes);
    uint64_t value = 0;
    std::memcpy(&value, take(size), size);
    return value;
}

std::string PickleInput::line() {
    const void *end = remaining() == 0 ? nullptr : std::memchr(data_ + position_, '\n', remaining());
    if (!end) refuse("a line without end", "a line");
    const auto bytes = static_cast<size_t>(static_cast<const unsigned char *>(end) - (data_ + position_));
    std::string text(reinterpret_cast<const char *>(take(bytes)), bytes);
    take(1);
    return text;
}

} // namespace afnet
