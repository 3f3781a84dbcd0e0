// Python pickles as plain data. Reading one never calls, imports or constructs anything: what a pickle asks to be
// called becomes an opaque node of the result, for the reader to recognise or to leave alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace afnet {

enum class PickleKind {
    none,
    boolean,     // integer: 0 or 1
    integer,     // integer
    big_integer, // text: its little-endian two's complement bytes; beyond 64 bits
    real,        // real
    text,        // text, not necessarily valid UTF-8
    bytes,       // text
    list,        // items; likewise tuple and set
    tuple,
    set,
    dict,       // items: key, value, key, value, ...; a collections.OrderedDict is one too. Keys may repeat
    global,     // text: "module.name"
    object,     // items: what was called, and its arguments; state and contents set later are dropped
    persistent, // items: the id of something outside of the pickle
};

/// One value. Values refer to each other freely, also in cycles; a Pickle owns all of its own.
struct PickleValue {
    PickleKind kind = PickleKind::none;
    uint32_t depth = 1; // containers on the longest way down when it was last changed, itself included
    int64_t integer = 0;
    double real = 0;
    std::string text;
    std::vector<const PickleValue *> items;
};

/// Where reading gives up. What a pickle of a large training state needs is a hundredth of these.
struct PickleLimits {
    size_t bytes = size_t(64) << 20; // of the pickle
    size_t values = 1'000'000;       // made
    size_t items = 4'000'000;        // held by all containers together
    size_t stack = 1'000'000;        // values waiting
    size_t memo = 1'000'000;         // values remembered by number
    size_t name_bytes = 1024;        // of a global
    size_t depth = 1000;             // containers within containers
};

/// A whole pickle of protocol 2 to 5.
class Pickle {
public:
    /// Throws Error, whose message starts with `path` and names the byte, when the pickle is truncated, goes on behind
    /// its end, uses an opcode that torch.save never writes (protocol 0's text, extension codes, out-of-band buffers),
    /// takes what is not there, puts items into what cannot have any, or exceeds a limit.
    Pickle(const unsigned char *data, size_t size, const std::string &path, const PickleLimits &limits = {});
    Pickle(Pickle &&) = default;
    Pickle &operator=(Pickle &&) = default;

    const PickleValue &root() const { return *root_; }

private:
    // One container of all values rather than values that own each other: neither a cycle nor a nesting of any depth
    // matters when they go. A deque never moves its elements.
    std::deque<PickleValue> values_;
    const PickleValue *root_;
};

/// The value of a text key in a dict, the last one if it repeats as in Python; nullptr when absent or no dict.
const PickleValue *find_item(const PickleValue &dict, const std::string &key);

} // namespace afnet
