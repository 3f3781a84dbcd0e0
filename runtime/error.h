// What went wrong, said once: every refusal of the runtime and of everything above it is one of these. Only the
// program's main prints them and turns them into an exit status.
#pragma once

#include <stdexcept>
#include <string>

namespace afnet {

/// A request that cannot be fulfilled: a bad file, shape, device, or a full disk. Exit status 1. The message says
/// what failed, where (path, tensor, option, with values), and what to do.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A command line that makes no sense. Exit status 2.
class UsageError : public Error {
public:
    using Error::Error;
};

/// The user pressed Ctrl-C. Exit status 130.
class Interrupted : public Error {
public:
    Interrupted() : Error("interrupted") {}
};

}  // namespace afnet
