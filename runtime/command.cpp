#include "runtime/command.h"

#include <algorithm>
#include <utility>

namespace afnet {

std::vector<Command> &commands() {
    static std::vector<Command> list;
    return list;
}

RegisterCommand::RegisterCommand(Command command) {
    auto &list = commands();
    const auto place = std::lower_bound(list.begin(), list.end(), command,
                                        [](const Command &a, const Command &b) { return a.name < b.name; });
    list.insert(place, std::move(command));
}

}  // namespace afnet
