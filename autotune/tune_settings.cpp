#include "autotune/tune_settings.h"

#include "model/machine.h"
#include "runtime/device.h"
#include "runtime/json.h"

namespace afnet {

nlohmann::ordered_json TuneSettings::machine() const {
    if (on_device()) return {{"device", device}, {"interface", device_word(target.gpu)}};
    return {{"cpu", cpu_name()}, {"threads", threads}};
}

ProcessLimits TuneSettings::measuring_limits() const {
    return {limits.seconds, on_device() ? 0 : limits.memory_bytes};
}

} // namespace afnet
