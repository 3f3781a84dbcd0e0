// The program's subcommands. Each folder contributes its own to one list; the program's main only iterates over it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace afnet {

class CommandLine; // model/command_line.h

/// What every subcommand knows: the options before and after its name that all of them take.
struct CommandContext {
    bool json = false;   // standard output carries JSON and nothing else
    bool quiet = false;  // no progress, no remarks on standard error
    int threads = 0;     // threads for kernels; 0: one per processor this process may use
};

/// One subcommand: `configure` adds its options to `app`, and gives back what runs once they are parsed and returns the
/// exit status. Errors are thrown (runtime/error.h).
struct Command {
    std::string name;
    std::string summary;
    std::function<std::function<int()>(CommandLine &app, CommandContext &context)> configure;
};

/// All registered subcommands, in the order of their names.
std::vector<Command> &commands();

/// Registers a subcommand before main starts: `static const RegisterCommand registered{{…}};`
struct RegisterCommand {
    explicit RegisterCommand(Command command);
};

}  // namespace afnet
