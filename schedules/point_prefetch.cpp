#include "schedules/point_prefetch.h"

namespace afnet::schedules {

using namespace Halide;
using namespace Halide::Internal;

namespace {

constexpr const char *kInput = "input", *kList = "list", *kEntries = "list_entries", *kWanted = "prefetches_wanted";
constexpr int kEntriesPerPoint = 5;

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
        return Evaluate::make(Call::make(load->type.element_of(), Call::prefetch,
                                         {Variable::make(Handle(), kInput), mutate(ramp->base), 1, 1},
                                         Call::Intrinsic));
    }
    Expr visit(const Load *op) override {
        if (op->name != kList || !op->type.is_scalar()) return IRMutator::visit(op);
        const Expr later = op->index + ahead_ * kEntriesPerPoint;
        const Expr index = select(later < Variable::make(Int(32), kEntries), later, op->index);
        return Load::make(op->type, op->name, index, op->image, op->param, op->predicate, ModulusRemainder());
    }
    int ahead_;
};

} // namespace

Stmt PrefetchPoints::mutate(const Stmt &stmt) {
    if (inside_) return IRMutator::mutate(stmt);
    inside_ = true;
    Stmt result = IRMutator::mutate(stmt);
    inside_ = false;
    const Expr list = Variable::make(type_of<halide_buffer_t *>(), std::string(kList) + ".buffer");
    const Expr points = Call::make(Int(32), Call::buffer_get_extent, {list, 1}, Call::Extern);
    return LetStmt::make(kEntries, points * kEntriesPerPoint, LetStmt::make(kWanted, points >= least_points_, result));
}

Stmt PrefetchPoints::visit(const ProducerConsumer *op) {
    if (op->name != read_ || !op->is_producer) return IRMutator::visit(op);
    reading_ = true;
    Stmt result = IRMutator::visit(op);
    reading_ = false;
    return result;
}

// The outermost loop there is that over points.
Stmt PrefetchPoints::visit(const For *op) {
    if (!reading_) return IRMutator::visit(op);
    const Stmt later = AskForLater(ahead_).mutate(op->body);
    return For::make(op->name, op->min, op->extent, op->for_type, op->partition_policy, op->device_api,
                     Block::make(IfThenElse::make(Variable::make(Bool(), kWanted), later), op->body));
}

} // namespace afnet::schedules
