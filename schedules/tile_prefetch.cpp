#include "schedules/tile_prefetch.h"

#include <algorithm>
#include <map>
#include <vector>

#include "schedules/prefetch_line.h"

namespace afnet::schedules {

using namespace Halide;
using namespace Halide::Internal;

namespace {

constexpr int kLineBytes = 64;
constexpr const char *kWanted = "prefetches_wanted", *kInput = "input", *kOutput = "output", *kResidual = "residual";

// The indices at which a statement without loops loads from a buffer, with all that it binds in their place.
class Loads : public IRVisitor {
public:
    explicit Loads(std::string buffer) : buffer_(std::move(buffer)) {}
    std::vector<Expr> indices; // of first lanes
    Type type;
    bool has_loops = false;

private:
    using IRVisitor::visit;
    void visit(const Load *op) override {
        if (op->name == buffer_) {
            const Expr index = substitute_in_all_lets(op->index);
            const Ramp *ramp = index.as<Ramp>();
            indices.push_back(substitute(bound_, ramp ? ramp->base : index));
            type = op->type.element_of();
        }
        IRVisitor::visit(op);
    }
    void visit(const LetStmt *op) override {
        op->value.accept(this);
        bound_[op->name] = substitute(bound_, substitute_in_all_lets(op->value));
        op->body.accept(this);
    }
    void visit(const For *op) override {
        has_loops = true;
        IRVisitor::visit(op);
    }
    std::string buffer_;
    std::map<std::string, Expr> bound_;
};

Expr elements(const std::string &name) {
    const Expr buffer = Variable::make(type_of<halide_buffer_t *>(), name + ".buffer");
    const auto of_frames = [&](const char *getter) {
        return cast<int64_t>(Call::make(Int(32), getter, {buffer, 4}, Call::Extern));
    };
    return of_frames(Call::buffer_get_extent) * of_frames(Call::buffer_get_stride);
}

// Asks for the lines at `indices`.
Stmt ask(const std::string &buffer, const Type &type, const std::vector<Expr> &indices) {
    std::vector<Stmt> all;
    for (const Expr &index : indices)
        all.push_back(prefetch_line(buffer, type, simplify(index)));
    return IfThenElse::make(Variable::make(Bool(), kWanted), Block::make(all));
}

// Those of `indices` that begin another line than the one before them.
std::vector<Expr> lines(const std::vector<Expr> &indices, int line) {
    std::vector<Expr> result;
    for (const Expr &index : indices) {
        const auto distance = result.empty() ? std::nullopt : as_const_int(simplify(index - result.back()));
        if (!distance || *distance >= line || *distance < 0) result.push_back(index);
    }
    return result;
}

} // namespace

Stmt PrefetchTiles::mutate(const Stmt &stmt) {
    if (inside_) return IRMutator::mutate(stmt);
    inside_ = true;
    Stmt result = IRMutator::mutate(stmt);
    inside_ = false;
    return LetStmt::make(kWanted, elements(kInput) + elements(kOutput) >= least_elements_, result);
}

Stmt PrefetchTiles::visit(const ProducerConsumer *op) {
    if (op->name != sum_) return IRMutator::visit(op);
    if (op->is_producer) {
        summing_ = true;
        Stmt result = IRMutator::visit(op);
        summing_ = false;
        return result;
    }
    Loads loads(kResidual);
    op->body.accept(&loads);
    if (loads.has_loops || loads.indices.empty()) return op;
    std::vector<Expr> later = lines(loads.indices, kLineBytes / loads.type.bytes());
    for (Expr &index : later)
        index += columns_.count * columns_.residual;
    return ProducerConsumer::make(op->name, false, Block::make(ask(kResidual, loads.type, later), op->body));
}

// The loop's lines of a tile, numbered: its columns one after the other, each with all channels of the loop.
Stmt PrefetchTiles::visit(const For *op) {
    Loads loads(kInput);
    op->body.accept(&loads);
    const auto extent = as_const_int(op->extent);
    if (!summing_ || loads.has_loops || loads.indices.empty() || !extent) return IRMutator::visit(op);
    const auto at = [&](int i) { return substitute(op->name, i, loads.indices[0]); };
    const auto step = as_const_int(simplify(at(1) - at(0)));
    if (!step) return IRMutator::visit(op);
    const int line = kLineBytes / loads.type.bytes(), per_column = std::max(1, int(*step * *extent) / line);
    const int each = (per_column * columns_.count + int(*extent) - 1) / int(*extent);
    std::vector<Expr> later;
    for (int k = 0; k < each; k++) {
        const Expr number = Variable::make(Int(32), op->name) * each + k;
        later.push_back(at(0) + (columns_.count + number / per_column) * columns_.input + number % per_column * line);
    }
    return For::make(op->name, op->min, op->extent, op->for_type, op->partition_policy, op->device_api,
                     Block::make(ask(kInput, loads.type, later), op->body));
}

} // namespace afnet::schedules
