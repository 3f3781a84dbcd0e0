#include "runtime/pickle.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "runtime/pickle_input.h"
#include "runtime/pickle_opcodes.h"

namespace afnet {

namespace {

// Python's stack machine, with a stack of pointers into `values`.
class Machine {
public:
    Machine(const unsigned char *data, size_t size, const std::string &path, const PickleLimits &limits,
            std::deque<PickleValue> &values)
        : input_(data, size, path), limits_(limits), values_(values) {}

    const PickleValue *run();

private:
    using Values = std::vector<PickleValue *>;

    // Each carries out some of the actions, and says whether the opcode was one of its own.
    bool push_value(const PickleOpcode &opcode);
    bool group_values(const PickleOpcode &opcode);
    bool name_or_call(const PickleOpcode &opcode);
    bool move_values(const PickleOpcode &opcode);
    void check_framing(const PickleOpcode &opcode);

    // The stack. Values below the innermost mark cannot be taken.
    size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    void push(PickleValue *value);
    PickleValue &push_kind(PickleKind kind);
    PickleValue *top();
    PickleValue *pop();
    Values pop(size_t count);
    Values pop_to_mark();

    void push_text(PickleKind kind, uint64_t bytes);
    void push_long(uint64_t bytes);
    void push_object(PickleValue *callable, PickleValue *arguments);
    void push_global(const std::string &module, const std::string &name);
    void add_items(PickleValue &to, const Values &items);
    void fill_top(PickleKind kind, const Values &items);

    PickleInput input_;
    const PickleLimits &limits_;
    std::deque<PickleValue> &values_;
    size_t items_ = 0;
    Values stack_;
    std::vector<size_t> marks_;
    std::unordered_map<uint64_t, PickleValue *> memo_;
};

const PickleValue *Machine::run() {
    input_.require_at_most(limits_.bytes, input_.size(), "bytes");
    for (bool first = true;; first = false) {
        const unsigned char code = input_.opcode();
        const PickleOpcode *opcode = find_pickle_opcode(code);
        if (!opcode) input_.refuse("opcode " + std::to_string(code), "one that torch.save writes");
        if (first && opcode->action != PickleAction::protocol) {
            input_.refuse("no protocol number", "a pickle of protocol 2 to 5");
        }
        if (opcode->action == PickleAction::stop) break;
        if (!push_value(*opcode) && !group_values(*opcode) && !name_or_call(*opcode) && !move_values(*opcode)) {
            check_framing(*opcode);
        }
    }
    const PickleValue *root = pop();
    if (!stack_.empty() || !marks_.empty()) input_.refuse("values left over", "a single one");
    if (input_.remaining() != 0) input_.refuse("an end before the last byte", "nothing behind it");
    return root;
}

bool Machine::push_value(const PickleOpcode &opcode) {
    switch (opcode.action) {
    case PickleAction::push:
        push_kind(opcode.kind).integer = opcode.number;
        return true;
    case PickleAction::push_integer: {
        const uint64_t value = input_.number(opcode.number);
        push_kind(opcode.kind).integer =
            opcode.number == 4 ? static_cast<int32_t>(static_cast<uint32_t>(value)) : static_cast<int64_t>(value);
        return true;
    }
    case PickleAction::push_long:
        push_long(input_.number(opcode.number));
        return true;
    case PickleAction::push_real: {
        const uint64_t bits = __builtin_bswap64(input_.number(opcode.number));
        std::memcpy(&push_kind(opcode.kind).real, &bits, sizeof bits);
        return true;
    }
    case PickleAction::push_text:
        push_text(opcode.kind, input_.number(opcode.number));
        return true;
    default:
        return false;
    }
}

bool Machine::group_values(const PickleOpcode &opcode) {
    if (opcode.action != PickleAction::collect && opcode.action != PickleAction::fill) return false;
    const Values items = opcode.number == 0 ? pop_to_mark() : pop(static_cast<size_t>(opcode.number));
    if (opcode.action == PickleAction::collect) push_kind(opcode.kind);
    fill_top(opcode.kind, items);
    return true;
}

bool Machine::name_or_call(const PickleOpcode &opcode) {
    switch (opcode.action) {
    case PickleAction::call: {
        pop(static_cast<size_t>(opcode.number));
        const Values call = pop(2);
        push_object(call[0], call[1]);
        return true;
    }
    case PickleAction::set_state: // e.g. the _metadata of a state_dict
        pop();
        top();
        return true;
    case PickleAction::global: {
        const std::string module = input_.line();
        push_global(module, input_.line());
        return true;
    }
    case PickleAction::stack_global: {
        const Values names = pop(2);
        if (names[0]->kind != PickleKind::text || names[1]->kind != PickleKind::text) {
            input_.refuse("a global without a name", "the text of a module and a name");
        }
        push_global(names[0]->text, names[1]->text);
        return true;
    }
    default:
        return false;
    }
}

bool Machine::move_values(const PickleOpcode &opcode) {
    switch (opcode.action) {
    case PickleAction::remember: {
        const uint64_t key = opcode.number == 0 ? memo_.size() : input_.number(opcode.number);
        memo_[key] = top();
        input_.require_at_most(limits_.memo, memo_.size(), "remembered values");
        return true;
    }
    case PickleAction::recall: {
        const auto found = memo_.find(input_.number(opcode.number));
        if (found == memo_.end()) input_.refuse("a remembered value that is not there", "one");
        push(found->second);
        return true;
    }
    case PickleAction::mark:
        marks_.push_back(stack_.size());
        input_.require_at_most(limits_.stack, marks_.size(), "marks");
        return true;
    case PickleAction::drop_marked:
        pop_to_mark();
        return true;
    case PickleAction::drop:
        // As in Python: with nothing above it, the mark itself goes.
        if (stack_.size() == floor() && !marks_.empty()) {
            marks_.pop_back();
        } else {
            pop();
        }
        return true;
    case PickleAction::repeat:
        push(top());
        return true;
    default:
        return false;
    }
}

void Machine::check_framing(const PickleOpcode &opcode) {
    const uint64_t value = input_.number(opcode.number);
    if (opcode.action == PickleAction::protocol && (value < 2 || value > 5)) {
        input_.refuse("protocol " + std::to_string(value), "2 to 5");
    }
    if (opcode.action == PickleAction::frame && value > input_.remaining()) {
        input_.refuse("a frame beyond the end",
                      "at most the " + std::to_string(input_.remaining()) + " bytes that follow");
    }
}

void Machine::push(PickleValue *value) {
    stack_.push_back(value);
    input_.require_at_most(limits_.stack, stack_.size(), "values on the stack");
}

PickleValue &Machine::push_kind(PickleKind kind) {
    values_.emplace_back().kind = kind;
    input_.require_at_most(limits_.values, values_.size(), "values");
    push(&values_.back());
    return values_.back();
}

PickleValue *Machine::top() {
    if (stack_.size() <= floor()) input_.refuse("a value that is missing", "one");
    return stack_.back();
}

PickleValue *Machine::pop() {
    PickleValue *value = top();
    stack_.pop_back();
    return value;
}

Machine::Values Machine::pop(size_t count) {
    Values values(count);
    while (count-- > 0)
        values[count] = pop();
    return values;
}

Machine::Values Machine::pop_to_mark() {
    if (marks_.empty()) input_.refuse("a mark that is missing", "one");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Values values(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return values;
}

void Machine::push_text(PickleKind kind, uint64_t bytes) {
    const unsigned char *from = input_.take(bytes);
    push_kind(kind).text.assign(reinterpret_cast<const char *>(from), bytes);
}

void Machine::push_long(uint64_t bytes) {
    const unsigned char *digits = input_.take(bytes);
    if (bytes > sizeof(int64_t)) {
        push_kind(PickleKind::big_integer).text.assign(reinterpret_cast<const char *>(digits), bytes);
        return;
    }
    uint64_t value = bytes > 0 && (digits[bytes - 1] & 0x80) ? ~uint64_t(0) : 0;
    for (uint64_t i = bytes; i-- > 0;)
        value = (value << 8) | digits[i];
    push_kind(PickleKind::integer).integer = static_cast<int64_t>(value);
}

void Machine::push_object(PickleValue *callable, PickleValue *arguments) {
    if (arguments->kind != PickleKind::tuple) input_.refuse("a call without arguments", "a tuple of arguments");
    const bool ordered_dict = callable->kind == PickleKind::global && callable->text == "collections.OrderedDict";
    if (ordered_dict && arguments->items.empty()) {
        push_kind(PickleKind::dict);
    } else {
        add_items(push_kind(PickleKind::object), {callable, arguments});
    }
}

void Machine::push_global(const std::string &module, const std::string &name) {
    // Each use of remembered text costs a byte or two of input, but its length in memory.
    input_.require_at_most(limits_.name_bytes, module.size() + name.size(), "bytes in the name of a global");
    push_kind(PickleKind::global).text = module + "." + name;
}

void Machine::add_items(PickleValue &to, const Values &items) {
    items_ += items.size();
    input_.require_at_most(limits_.items, items_, "items");
    for (const PickleValue *item : items)
        to.depth = std::max(to.depth, item->depth + 1);
    input_.require_at_most(limits_.depth, to.depth, "levels of nesting");
    to.items.insert(to.items.end(), items.begin(), items.end());
}

void Machine::fill_top(PickleKind kind, const Values &items) {
    PickleValue &to = *top();
    if (kind == PickleKind::dict && items.size() % 2 != 0) input_.refuse("a key without a value", "pairs");
    if (to.kind == PickleKind::object) return;
    if (to.kind != kind) input_.refuse("items for a value that cannot have them", "a list, dict or set below them");
    add_items(to, items);
}

} // namespace

Pickle::Pickle(const unsigned char *data, size_t size, const std::string &path, const PickleLimits &limits) {
    root_ = Machine(data, size, path, limits, values_).run();
}

const PickleValue *find_item(const PickleValue &dict, const std::string &key) {
    if (dict.kind != PickleKind::dict) return nullptr;
    for (size_t i = dict.items.size(); i > 0; i -= 2) {
        const PickleValue &candidate = *dict.items[i - 2];
        if (candidate.kind == PickleKind::text && candidate.text == key) return dict.items[i - 1];
    }
    return nullptr;
}

} // namespace afnet
