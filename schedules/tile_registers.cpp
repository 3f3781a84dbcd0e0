#include "schedules/tile_registers.h"

#include <map>
#include <vector>

#include "schedules/knob.h"

namespace afnet::schedules {

using namespace Halide;
using namespace Halide::Internal;

namespace {

constexpr int kTileElements = kTileRows * kTileRowBytes / 4; // of f32
constexpr int kRegisters = 8;

// Where one operand of the loop nest lies: the index as a function of the nest's three variables, first as it is, then
// with all that is bound around the nest in its place. Only the second shows that it is a multiple of something, only
// in the first does what was hoisted out of loops stay there.
struct Operand {
    std::string buffer;
    Expr index, whole_index;
};

struct Nest {
    std::string row, column, sum; // loop variables
    int rows = 1, columns = 1, terms = 1;
    Operand result, a, b; // a: [k, row], b: [k % 2, column, k / 2]
};

bool names(const std::string &loop, const char *variable) {
    return loop.find(std::string(".") + variable) != std::string::npos;
}

bool is_nest_loop(const For &loop) {
    return names(loop.name, kTileRow) || names(loop.name, kTileColumn) || names(loop.name, kTileSum);
}

int constant(const Expr &e, const std::string &what) {
    const auto value = as_const_int(simplify(e));
    require(value.has_value(), "tile registers: " + what + " is not constant");
    return int(*value);
}

Operand operand(const Expr &factor) {
    const Cast *cast = factor.as<Cast>();
    const Load *load = cast ? cast->value.as<Load>() : nullptr;
    require(load && load->type == BFloat(16) && is_const_one(load->predicate),
            "tile registers: a factor is not a bf16 element");
    return {load->name, load->index, load->index};
}

class Indices {
public:
    explicit Indices(const Nest &nest) : nest_(nest) {}

    // Of the first element.
    Expr first(const Operand &operand) const { return at(operand.index, 0, 0, 0); }
    Expr whole_first(const Operand &operand) const { return at(operand.whole_index, 0, 0, 0); }
    // From the first element's index to this one's.
    Expr distance(const Operand &operand, int row, int column, int term) const {
        return simplify(at(operand.whole_index, row, column, term) - whole_first(operand));
    }
    bool distance_is(const Operand &operand, int row, int column, int term, const Expr &expected) const {
        return is_const_zero(simplify(distance(operand, row, column, term) - expected));
    }

private:
    Expr at(const Expr &index, int row, int column, int term) const {
        return simplify(substitute({{nest_.row, row}, {nest_.column, column}, {nest_.sum, term}}, index));
    }

    const Nest &nest_;
};

// From row to row, in elements. Any index is linear in these loops or has too little to do with them to pass.
Expr row_stride(const Nest &nest, const Operand &operand) {
    const Indices indices(nest);
    if (nest.rows == 1) return 0;
    const Expr stride = indices.distance(operand, 1, 0, 0);
    for (int row = 2; row < nest.rows; row++)
        require(indices.distance_is(operand, row, 0, 0, stride * row), "tile registers: rows are not equally far");
    return stride;
}

// The one accessed as b does not change from row to row, the other not from column to column.
void order_factors(Nest &nest) {
    const Indices indices(nest);
    if (!indices.distance_is(nest.b, nest.rows - 1, 0, 0, 0) ||
        !indices.distance_is(nest.a, 0, nest.columns - 1, 0, 0)) {
        std::swap(nest.a, nest.b);
    }
}

// What the instruction assumes about places in memory, tried for every row, column and term.
void require_tile_layout(const Nest &nest, const Expr &pair_stride) {
    const Indices indices(nest);
    for (int term = 0; term < nest.terms; term++) {
        for (int column = 0; column < nest.columns; column++) {
            require(indices.distance_is(nest.b, nest.rows - 1, column, term,
                                        pair_stride * (term / 2) + 2 * column + term % 2),
                    "tile registers: weights do not lie in pairs");
            require(indices.distance_is(nest.a, 0, column, term, term), "tile registers: inputs are not dense");
        }
    }
    for (int column = 0; column < nest.columns; column++)
        require(indices.distance_is(nest.result, 0, column, nest.terms - 1, column),
                "tile registers: results are not dense");
}

using Bindings = std::map<std::string, Expr>;

// The loop nest that starts at `loop`, in the scope of `bound`.
Nest nest_of(const For *loop, const std::string &sum, const Bindings &bound) {
    Nest nest;
    nest.row = nest.column = nest.sum = "none";
    Bindings inner; // between its loops
    Stmt at = loop;
    const Store *store = nullptr;
    while (!store) {
        if (const For *next = at.as<For>()) {
            require(next->for_type == ForType::Serial && is_const_zero(next->min) && is_nest_loop(*next),
                    "tile registers: " + next->name + " is no serial loop of a tile");
            const int extent = constant(next->extent, next->name);
            if (names(next->name, kTileRow)) nest.row = next->name, nest.rows = extent;
            if (names(next->name, kTileColumn)) nest.column = next->name, nest.columns = extent;
            if (names(next->name, kTileSum)) nest.sum = next->name, nest.terms = extent;
            at = next->body;
        } else if (const LetStmt *let = at.as<LetStmt>()) {
            inner[let->name] = substitute(inner, let->value);
            at = let->body;
        } else {
            store = at.as<Store>();
            require(store, "tile registers: more than a sum in its loops");
        }
    }
    const Expr value = substitute_in_all_lets(store->value);
    const Add *add = value.as<Add>();
    require(store->name == sum && add, "tile registers: the update is not a sum");
    const bool product_first = add->a.as<Mul>() != nullptr;
    const Mul *product = (product_first ? add->a : add->b).as<Mul>();
    const Load *before = (product_first ? add->b : add->a).as<Load>();
    require(product && before && before->name == sum && equal(before->index, store->index),
            "tile registers: the update is not a sum of products");
    nest.result = {sum, store->index, store->index};
    nest.a = operand(product->a);
    nest.b = operand(product->b);
    for (Operand *operand : {&nest.result, &nest.a, &nest.b}) {
        operand->index = substitute(inner, operand->index);
        operand->whole_index = substitute(bound, operand->index);
    }
    return nest;
}

// Elements to bytes, in 64 bits.
Expr bytes(const Expr &elements, int size) {
    return cast<int64_t>(elements) * size;
}

Expr short_int(int value) {
    return IntImm::make(Int(16), value);
}

Expr memory(const std::string &buffer) {
    return Variable::make(Handle(), buffer);
}

// One register of the sum and what it holds: places in the sum's memory, in elements.
struct Register {
    std::string name;
    Expr base;
    int rows, columns, stride;

    Expr index() const { return Ramp::make(0, 1, kTileElements); }
    Expr value() const {
        return Load::make(Float(32, kTileElements), name, index(), {}, {}, const_true(kTileElements), {});
    }
    Stmt set(Expr to) const {
        return Store::make(name, std::move(to), index(), Parameter(), const_true(kTileElements), ModulusRemainder());
    }
    Expr row_bytes() const { return short_int(columns * 4); }
};

// Turns each nest of an update into one instruction.
class NestsToInstructions : public IRMutator {
public:
    NestsToInstructions(const std::string &sum, const Bindings &bound) : sum_(sum), bound_(bound) {}

    const std::vector<Register> &registers() const { return registers_; }

private:
    using IRMutator::visit;

    Stmt visit(const LetStmt *op) override {
        bound_[op->name] = substitute(bound_, op->value);
        return IRMutator::visit(op);
    }

    Stmt visit(const For *op) override {
        if (!is_nest_loop(*op)) return IRMutator::visit(op);
        Nest nest = nest_of(op, sum_, bound_);
        order_factors(nest);
        require(nest.rows <= kTileRows && nest.columns * 4 <= kTileRowBytes && nest.terms * 2 <= kTileRowBytes &&
                    nest.terms % 2 == 0,
                "tile registers: the product does not fit a register");
        const Indices indices(nest);
        const Expr pair_stride = nest.terms > 2 ? indices.distance(nest.b, 0, 0, 2) : 0;
        require_tile_layout(nest, pair_stride);
        const Register &to = accumulator(nest);
        const Expr a = load(nest.a, nest, nest.rows, nest.terms * 2, row_stride(nest, nest.a));
        const Expr b = load(nest.b, nest, nest.terms / 2, nest.columns * 4, pair_stride);
        return to.set(Call::make(Float(32, kTileElements), "tile_matmul",
                                 {short_int(nest.rows), to.row_bytes(), short_int(nest.terms * 2), to.value(), a, b},
                                 Call::Intrinsic));
    }

    Stmt visit(const Store *op) override {
        require(op->name != sum_, "tile registers: a store of the sum outside the loops of a tile");
        return IRMutator::visit(op);
    }

    static Expr load(const Operand &from, const Nest &nest, int rows, int row_bytes, const Expr &stride) {
        return Call::make(BFloat(16, kTileElements * 2), "tile_load",
                          {short_int(rows), short_int(row_bytes), memory(from.buffer),
                           bytes(Indices(nest).first(from), 2), bytes(stride, 2)},
                          Call::Intrinsic);
    }

    const Register &accumulator(const Nest &nest) {
        // Whole, as it is needed outside the loops that bind its parts.
        const Expr base = Indices(nest).whole_first(nest.result);
        const int stride = constant(row_stride(nest, nest.result), "the distance of the sum's rows");
        for (const Register &known : registers_) {
            if (constant(base - known.base, "the distance of two tiles") == 0) return known;
        }
        require(int(registers_.size()) + 2 < kRegisters, "tile registers: too few for this many accumulators");
        registers_.push_back(
            {sum_ + ".tile" + std::to_string(registers_.size()), base, nest.rows, nest.columns, stride});
        return registers_.back();
    }

    const std::string &sum_;
    Bindings bound_;
    std::vector<Register> registers_;
};

// The pure definition stores zeroes, which registers start with anyway.
class DropZeroes : public IRMutator {
public:
    explicit DropZeroes(const std::string &sum) : sum_(sum) {}

private:
    using IRMutator::visit;
    Stmt visit(const Store *op) override {
        return op->name == sum_ && is_const_zero(op->value) ? Evaluate::make(0) : IRMutator::visit(op);
    }
    const std::string &sum_;
};

Stmt in_registers(const Stmt &produce, const std::string &sum, const Bindings &bound) {
    NestsToInstructions update(sum, bound);
    Stmt body = update.mutate(simplify(DropZeroes(sum).mutate(produce)));
    require(!update.registers().empty(), "tile registers: no loops of a tile in the update");
    std::vector<Stmt> stmts;
    for (const Register &tile : update.registers())
        stmts.push_back(tile.set(Call::make(Float(32, kTileElements), "tile_zero",
                                            {short_int(tile.rows), tile.row_bytes()}, Call::Intrinsic)));
    stmts.push_back(body);
    for (const Register &tile : update.registers())
        stmts.push_back(Evaluate::make(Call::make(Int(32), "tile_store",
                                                  {short_int(tile.rows), tile.row_bytes(), memory(sum),
                                                   bytes(tile.base, 4), bytes(tile.stride, 4), tile.value()},
                                                  Call::Intrinsic)));
    body = Block::make(stmts);
    for (const Register &tile : update.registers())
        body = Allocate::make(tile.name, Float(32, kTileElements), MemoryType::AMXTile, {1}, const_true(), body);
    return body;
}

} // namespace

Stmt SumInTileRegisters::visit(const LetStmt *op) {
    bound_[op->name] = substitute(bound_, op->value);
    return IRMutator::visit(op);
}

Stmt SumInTileRegisters::visit(const ProducerConsumer *op) {
    if (!op->is_producer || op->name != sum_) return IRMutator::visit(op);
    return ProducerConsumer::make(op->name, true, in_registers(op->body, sum_, bound_));
}

} // namespace afnet::schedules
