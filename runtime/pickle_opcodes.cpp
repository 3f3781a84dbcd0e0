#include "runtime/pickle_opcodes.h"

#include <array>

namespace afnet {

namespace {

using Do = PickleAction;
using Kind = PickleKind;

// The names behind the rows are those of Python's pickletools.
constexpr PickleOpcode opcodes[] = {
    {'N', Do::push, Kind::none, 0},            // NONE
    {0x88, Do::push, Kind::boolean, 1},        // NEWTRUE
    {0x89, Do::push, Kind::boolean, 0},        // NEWFALSE
    {']', Do::push, Kind::list, 0},            // EMPTY_LIST
    {')', Do::push, Kind::tuple, 0},           // EMPTY_TUPLE
    {'}', Do::push, Kind::dict, 0},            // EMPTY_DICT
    {0x8f, Do::push, Kind::set, 0},            // EMPTY_SET
    {'K', Do::push_integer, Kind::integer, 1}, // BININT1
    {'M', Do::push_integer, Kind::integer, 2}, // BININT2
    {'J', Do::push_integer, Kind::integer, 4}, // BININT
    {0x8a, Do::push_long, Kind::integer, 1},   // LONG1
    {0x8b, Do::push_long, Kind::integer, 4},   // LONG4
    {'G', Do::push_real, Kind::real, 8},       // BINFLOAT
    {'U', Do::push_text, Kind::text, 1},       // SHORT_BINSTRING
    {'T', Do::push_text, Kind::text, 4},       // BINSTRING
    {0x8c, Do::push_text, Kind::text, 1},      // SHORT_BINUNICODE
    {'X', Do::push_text, Kind::text, 4},       // BINUNICODE
    {0x8d, Do::push_text, Kind::text, 8},      // BINUNICODE8
    {'C', Do::push_text, Kind::bytes, 1},      // SHORT_BINBYTES
    {'B', Do::push_text, Kind::bytes, 4},      // BINBYTES
    {0x8e, Do::push_text, Kind::bytes, 8},     // BINBYTES8
    {0x96, Do::push_text, Kind::bytes, 8},     // BYTEARRAY8
    {0x85, Do::collect, Kind::tuple, 1},       // TUPLE1
    {0x86, Do::collect, Kind::tuple, 2},       // TUPLE2
    {0x87, Do::collect, Kind::tuple, 3},       // TUPLE3
    {'Q', Do::collect, Kind::persistent, 1},   // BINPERSID
    {'l', Do::collect, Kind::list, 0},         // LIST
    {'t', Do::collect, Kind::tuple, 0},        // TUPLE
    {'d', Do::collect, Kind::dict, 0},         // DICT
    {0x91, Do::collect, Kind::set, 0},         // FROZENSET
    {'a', Do::fill, Kind::list, 1},            // APPEND
    {'s', Do::fill, Kind::dict, 2},            // SETITEM
    {'e', Do::fill, Kind::list, 0},            // APPENDS
    {'u', Do::fill, Kind::dict, 0},            // SETITEMS
    {0x90, Do::fill, Kind::set, 0},            // ADDITEMS
    {'b', Do::set_state, Kind::none, 0},       // BUILD
    {'R', Do::call, Kind::object, 0},          // REDUCE
    {0x81, Do::call, Kind::object, 0},         // NEWOBJ
    {0x92, Do::call, Kind::object, 1},         // NEWOBJ_EX: keyword arguments are dropped
    {'c', Do::global, Kind::global, 0},        // GLOBAL
    {0x93, Do::stack_global, Kind::global, 0}, // STACK_GLOBAL
    {'q', Do::remember, Kind::none, 1},        // BINPUT
    {'r', Do::remember, Kind::none, 4},        // LONG_BINPUT
    {0x94, Do::remember, Kind::none, 0},       // MEMOIZE
    {'h', Do::recall, Kind::none, 1},          // BINGET
    {'j', Do::recall, Kind::none, 4},          // LONG_BINGET
    {'(', Do::mark, Kind::none, 0},            // MARK
    {'1', Do::drop_marked, Kind::none, 0},     // POP_MARK
    {'0', Do::drop, Kind::none, 0},            // POP
    {'2', Do::repeat, Kind::none, 0},          // DUP
    {0x80, Do::protocol, Kind::none, 1},       // PROTO
    {0x95, Do::frame, Kind::none, 8},          // FRAME
    {'.', Do::stop, Kind::none, 0},            // STOP
};

constexpr std::array<const PickleOpcode *, 256> by_code() {
    std::array<const PickleOpcode *, 256> rows{};
    for (const PickleOpcode &opcode : opcodes)
        rows[opcode.code] = &opcode;
    return rows;
}

} // namespace

const PickleOpcode *find_pickle_opcode(unsigned char code) {
    static constexpr std::array<const PickleOpcode *, 256> rows = by_code();
    return rows[code];
}

} // namespace afnet
