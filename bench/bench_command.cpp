// afnet bench: figures of this machine.
#include "bench/commands.h"
#include "runtime/error.h"

namespace afnet {

namespace {

const RegisterCommand registered{
    {"bench", "Measure networks on this machine", [](CommandLine &app, CommandContext &context) {
         app.require_subcommand(1);
         const std::vector<BenchCommand> bench = {
             add_compare_command(app, context),  add_granularity_command(app, context),
             add_kernels_command(app, context),  add_network_command(app, context),
             add_sparsity_command(app, context), add_training_command(app, context),
         };
         return [bench] {
             for (const BenchCommand &command : bench) {
                 if (command.app.parsed()) return command.run();
             }
             throw UsageError("bench: a subcommand is needed");
         };
     }}};

}  // namespace

}  // namespace afnet
