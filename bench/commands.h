// The subcommands of `afnet bench`, a file each.
#pragma once

#include <functional>

#include "model/command_line.h"
#include "runtime/command.h"

namespace afnet {

/// One of them: its options, added to `bench`, and what runs where it was chosen; gives the exit status.
struct BenchCommand {
    CommandLine app;
    std::function<int()> run;
};

BenchCommand add_compare_command(CommandLine &bench, CommandContext &context);
BenchCommand add_granularity_command(CommandLine &bench, CommandContext &context);
BenchCommand add_kernels_command(CommandLine &bench, CommandContext &context);
BenchCommand add_network_command(CommandLine &bench, CommandContext &context);
BenchCommand add_sparsity_command(CommandLine &bench, CommandContext &context);
BenchCommand add_training_command(CommandLine &bench, CommandContext &context);

}  // namespace afnet
