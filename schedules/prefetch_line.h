// A prefetch of one line of a buffer, for lowering passes.
#pragma once

#include <string>

#include "Halide.h"

namespace afnet::schedules {

/// Asks for the line that has element `index` of a buffer of `type`.
inline Halide::Internal::Stmt prefetch_line(const std::string &buffer, const Halide::Type &type,
                                            const Halide::Expr &index) {
    using namespace Halide::Internal;
    return Evaluate::make(Call::make(type, Call::prefetch, {Variable::make(Halide::Handle(), buffer), index, 1, 1},
                                     Call::Intrinsic));
}

} // namespace afnet::schedules
