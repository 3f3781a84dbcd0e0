// The language of pickles, as a table: what each opcode does to the stack machine of pickle.cpp.
#pragma once

#include "runtime/pickle.h"

namespace afnet {

/// What an opcode does. `kind` and `number` are those of its row in the table.
enum class PickleAction {
    push,         // a value of `kind` without contents; a boolean is `number`
    push_integer, // read from `number` bytes, signed if 4
    push_long,    // read from as many bytes as `number` bytes say, signed
    push_real,    // read from 8 bytes, the most significant one first
    push_text,    // of `kind`, as many bytes as `number` bytes say
    collect,      // the top `number` values, or those above the mark if 0, become one of `kind`
    fill,         // the top `number` values, or those above the mark if 0, go into the one of `kind` below them
    set_state,    // the top value would become attributes of the one below it: dropped
    call,         // the top `number` values are dropped; arguments and what to call become an object
    global,       // two lines, module and name, become a global
    stack_global, // the top two values, module and name, become one
    remember,     // the top value, under the number read from `number` bytes, or the next one if 0
    recall,       // the value under the number read from `number` bytes
    mark,
    drop_marked, // the values above the mark, and the mark
    drop,        // the top value
    repeat,      // the top value
    protocol,    // 1 byte
    frame,       // 8 bytes: how much to read at once
    stop,
};

struct PickleOpcode {
    unsigned char code;
    PickleAction action;
    PickleKind kind;
    int number;
};

/// The opcode's row; nullptr for those that torch.save never writes.
const PickleOpcode *find_pickle_opcode(unsigned char code);

} // namespace afnet
