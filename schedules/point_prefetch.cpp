#include "schedules/point_prefetch.h"

#include "schedules/prefetch_line.h"

namespace afnet::schedules {

using namespace Halide;
using namespace Halide::Internal;

namespace {

constexpr const char *kInput = "input", *kList = "list", *kResidual = "residual", *kEntries = "list_entries",
                     *kWanted = "prefetches_wanted";
constexpr int kEntriesPerPoint = 5;

Stmt where_wanted(const Stmt &asked, const Stmt &then) {
    return Block::make(IfThenElse::make(Variable::make(Bool(), kWanted), asked), then);
}

// A copy of the statements that read a point: in place of each vector that they store, its load is asked for, and
// entries of the list are those of a later point; where there is none, of the same.
class AskForLater : public IRMutator {
public:
    explicit AskForLater(int ahead) : ahead_(ahead) {}

private:
    using IRMutator::visit;
    Stmt visit(const Store *op) override {
        const Load *load = op->value.as<Load>();
        const Ramp *ramp = load && load->name == kInput ? load->index.as<Ramp>() : nullptr;
        if (!ramp) return Evaluate::make(0);
        return prefetch_line(kInput, load->type.element_of(), mutate(ramp->base));
    }
    Expr visit(const Load *op) override {
        if (op->name != kList || !op->type.is_scalar()) return IRMutator::visit(op);
        const Expr later = op->index + ahead_ * kEntriesPerPoint;
        const Expr index = select(later < Variable::make(Int(32), kEntries), later, op->index);
        return Load::make(op->type, op->name, index, op->image, op->param, op->predicate, ModulusRemainder());
    }
    int ahead_;
};

// Whether a statement has loops.
class Loops : public IRVisitor {
public:
    static bool in(const Stmt &stmt) {
        Loops loops;
        stmt.accept(&loops);
        return loops.found_;
    }

private:
    using IRVisitor::visit;
    void visit(const For *) override { found_ = true; }
    bool found_ = false;
};

// The first load from `residual`.
class ResidualLoad : public IRVisitor {
public:
    const Load *found = nullptr;

private:
    using IRVisitor::visit;
    void visit(const Load *op) override {
        if (op->name == kResidual && !found) found = op;
        IRVisitor::visit(op);
    }
};

// A copy of the statements that store a tile: in place of each vector, what it will be added to is asked for.
class AskForResidual : public IRMutator {
    using IRMutator::visit;
    Stmt visit(const Free *) override { return Evaluate::make(0); }
    Stmt visit(const Store *op) override {
        ResidualLoad load;
        op->value.accept(&load);
        if (!load.found) return Evaluate::make(0);
        const Ramp *ramp = load.found->index.as<Ramp>();
        return prefetch_line(kResidual, load.found->type.element_of(), ramp ? ramp->base : load.found->index);
    }
};

} // namespace

Stmt PrefetchPoints::mutate(const Stmt &stmt) {
    if (inside_) return IRMutator::mutate(stmt);
    inside_ = true;
    Stmt result = IRMutator::mutate(stmt);
    inside_ = false;
    const Expr list = Variable::make(type_of<halide_buffer_t *>(), std::string(kList) + ".buffer");
    const Expr points = Call::make(Int(32), Call::buffer_get_extent, {list, 1}, Call::Extern);
    return LetStmt::make(kEntries, points * kEntriesPerPoint,
                         LetStmt::make(kWanted, points >= wanted_.least_points, result));
}

Stmt PrefetchPoints::visit(const ProducerConsumer *op) {
    if (op->name != wanted_.read) return IRMutator::visit(op);
    bool &within = op->is_producer ? reading_ : consuming_;
    if (op->is_producer) bound_.clear();
    within = true;
    Stmt result = IRMutator::visit(op);
    within = false;
    return result;
}

// The outermost loop there is that over points.
Stmt PrefetchPoints::visit(const For *op) {
    if (reading_) {
        points_ = op;
        return op;
    }
    if (!consuming_ || !points_) return IRMutator::visit(op);
    if (!Loops::in(op->body)) return where_wanted(ask_for_share(), op);
    around_.push_back(op);
    Stmt result = IRMutator::visit(op);
    around_.pop_back();
    return result;
}

// What is bound around the loop over points.
Stmt PrefetchPoints::visit(const LetStmt *op) {
    if (reading_) bound_.push_back(op);
    return IRMutator::visit(op);
}

// The turns of the loops around the innermost one take the later tile's points in turn.
Stmt PrefetchPoints::ask_for_share() const {
    Expr turn = 0;
    int turns = 1;
    for (const For *loop : around_) {
        const auto extent = as_const_int(loop->extent);
        if (!extent) continue;
        turn = turn * int(*extent) + Variable::make(Int(32), loop->name) - loop->min;
        turns *= int(*extent);
    }
    const int share = (wanted_.ahead + turns - 1) / turns;
    const std::string name = unique_name("later_point");
    const Expr place = turn * share + Variable::make(Int(32), name);
    const Stmt later = AskForLater(wanted_.ahead).mutate(points_->body);
    Stmt asked = IfThenElse::make(place < points_->extent, substitute(points_->name, points_->min + place, later));
    for (size_t k = bound_.size(); k-- > 0;)
        asked = LetStmt::make(bound_[k]->name, bound_[k]->value, asked);
    return For::make(name, 0, share, ForType::Serial, Partition::Never, DeviceAPI::None, asked);
}

// A tile's sums, and what becomes of them.
Stmt PrefetchPoints::visit(const Block *op) {
    const ProducerConsumer *sum = op->first.as<ProducerConsumer>();
    if (!sum || !sum->is_producer || sum->name != wanted_.sum) return IRMutator::visit(op);
    return where_wanted(AskForResidual().mutate(op->rest), IRMutator::visit(op));
}

} // namespace afnet::schedules
