// What every use of Halide's propagate_adjoints needs.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "generators/derivation.h"

namespace afnet::generators {

/// The region [0, extent) in each dimension, as propagate_adjoints reads it: it takes {min, max} where its
/// documentation says {min, extent}.
inline Halide::Region whole(const std::vector<Halide::Expr> &extents) {
    Halide::Region region;
    for (const Halide::Expr &extent : extents)
        region.emplace_back(0, extent - 1);
    return region;
}

namespace detail {

// Replaces comparisons of the named variables by true, and minima and maxima with them by the variables.
class DropGuards : public Halide::Internal::IRMutator {
public:
    explicit DropGuards(const std::vector<std::string> &pure) : pure_(pure.begin(), pure.end()) {}

private:
    using Halide::Internal::IRMutator::visit;

    Halide::Expr visit(const Halide::Internal::Call *op) override {
        if (op->is_intrinsic(Halide::Internal::Call::likely)) return mutate(op->args[0]);
        return Halide::Internal::IRMutator::visit(op);
    }
    Halide::Expr visit(const Halide::Internal::Min *op) override { return unbounded(op); }
    Halide::Expr visit(const Halide::Internal::Max *op) override { return unbounded(op); }
    Halide::Expr visit(const Halide::Internal::LE *op) override { return held(op); }
    Halide::Expr visit(const Halide::Internal::LT *op) override { return held(op); }
    Halide::Expr visit(const Halide::Internal::GE *op) override { return held(op); }
    Halide::Expr visit(const Halide::Internal::GT *op) override { return held(op); }

    // One of the variables, or such a one plus a constant, as simplification leaves them.
    bool is_pure(const Halide::Expr &e) const {
        const auto *sum = e.as<Halide::Internal::Add>();
        const auto *variable =
            (sum && Halide::Internal::is_const(sum->b) ? sum->a : e).as<Halide::Internal::Variable>();
        return variable && pure_.count(variable->name);
    }
    // clamp(v, 0, last) = max(min(v, last), 0)
    template <class Bound> Halide::Expr unbounded(const Bound *op) {
        const Halide::Expr a = mutate(op->a), b = mutate(op->b);
        if (is_pure(a)) return a;
        if (is_pure(b)) return b;
        return Bound::make(a, b);
    }
    template <class Comparison> Halide::Expr held(const Comparison *op) {
        const Halide::Expr a = mutate(op->a), b = mutate(op->b);
        if (is_pure(a) || is_pure(b)) return Halide::Internal::const_true();
        return Comparison::make(a, b);
    }

    std::set<std::string> pure_;
};

} // namespace detail

/// Drops the guards `select(0 <= v && v <= last, ..., 0)` and clamps that autodiff puts around a pure dimension v: a
/// derivative is only asked for within the bounds of what it belongs to. Left in, they make gathers of vector loads.
/// Only for Funcs whose own definition compares its pure dimensions with nothing else.
inline void drop_guards(Halide::Func derivative) {
    namespace ir = Halide::Internal;
    ir::Function function = derivative.function();
    detail::DropGuards drop(function.args());
    const auto simplified = [&](ir::Definition &definition) {
        for (Halide::Expr &value : definition.values()) {
            value = ir::common_subexpression_elimination(ir::simplify(drop.mutate(ir::substitute_in_all_lets(value))));
        }
    };
    simplified(function.definition());
    for (size_t u = 0; u < function.updates().size(); u++)
        simplified(function.update(int(u)));
}

} // namespace afnet::generators
