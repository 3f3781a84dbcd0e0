#include "runtime/tile_layers.h"

#include "runtime/dtype.h"

namespace afnet {

bool fits_tile_registers(const KernelSpec &spec) {
    constexpr int kChannels = 16; // of a register: outputs; inputs, at least
    if (spec.generator != "conv2d" || dtype_of(spec) != Dtype::BF16) return false;
    const auto number = [&](const char *param) { return std::stoi(spec.params.at(param)); };
    const auto flag = [&](const char *param) {
        const auto found = spec.params.find(param);
        return found != spec.params.end() && found->second == "true";
    };
    const int groups = number("groups"), ci = number("ci");
    const int run = flag("shift") ? (ci % 8 == 0 ? ci / 8 : 1) : ci / groups; // channels that come from one frame
    return !flag("f32_input") && run % kChannels == 0 && number("co") / groups % kChannels == 0;
}

} // namespace afnet
