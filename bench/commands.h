// The subcommands of `afnet bench`, a file each.
#pragma once

#include <functional>

#include "runtime/command.h"

namespace afnet {

/// One of them: its options, added to `bench`, and what runs where it was chosen; gives the exit status.
struct BenchCommand {
    CLI::App *app = nullptr;
    std::function<int()> run;
};

BenchCommand add_compare_command(CLI::App &bench, CommandContext &context);
BenchCommand add_granularity_command(CLI::App &bench, CommandContext &context);
BenchCommand add_kernels_command(CLI::App &bench, CommandContext &context);
BenchCommand add_network_command(CLI::App &bench, CommandContext &context);
BenchCommand add_sparsity_command(CLI::App &bench, CommandContext &context);
BenchCommand add_training_command(CLI::App &bench, CommandContext &context);

}  // namespace afnet
