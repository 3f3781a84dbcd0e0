// What Halide's propagate_adjoints leaves to be done by hand.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "Halide.h"

namespace afnet::generators {

/// Simplifies a derived Func under the promise that argument a is in [0, extents[a] - 1] wherever its values matter.
/// The derivative of an access f(c) is guarded by select(0 <= c <= max, ...) and reads at clamp(c): inside a register
/// tile neither goes away by itself, because bounds of c are only known once loops are fused and split.
inline void promise_extents(Halide::Func derived, const std::map<int, int> &extents) {
    using namespace Halide::Internal;
    class WithoutLikely : public IRMutator {
        using IRMutator::visit;
        Halide::Expr visit(const Call *op) override {
            return op->is_intrinsic(Call::likely) ? mutate(op->args[0]) : IRMutator::visit(op);
        }
    } without_likely;
    Function function = derived.function();
    const std::vector<std::string> args = function.args();
    const auto simplified = [&](Definition definition) {
        Scope<Interval> scope;
        for (const auto &[arg, extent] : extents)
            scope.push(args[size_t(arg)], Interval(0, extent - 1));
        const auto plain = [&](const Halide::Expr &e) {
            return simplify(substitute_in_all_lets(without_likely.mutate(e)), true, scope);
        };
        for (Halide::Expr &value : definition.values())
            value = common_subexpression_elimination(plain(value));
        // A sum reads itself where it is stored: both places must go on reading alike.
        for (Halide::Expr &place : definition.args())
            place = plain(place);
    };
    simplified(function.definition());
    for (size_t u = 0; u < function.updates().size(); u++)
        simplified(function.update(int(u)));
}

} // namespace afnet::generators
