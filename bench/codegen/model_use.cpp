#include "bench/codegen/model_use.h"

#include <algorithm>
#include <map>
#include <set>

#include "bench/run_options.h"
#include "bench/stages.h"
#include "model/lowering.h"

namespace afnet {

void note_uses(const std::string &model, int frames, int size, std::vector<KernelCode> &codes) {
    const LoadedModel loaded = load_model(model);
    std::set<std::string> dtypes;
    for (const KernelCode &code : codes)
        dtypes.insert(dtype_name(dtype_of(code.spec)));
    std::map<std::string, ModelUse> uses;
    for (const std::string &dtype : dtypes) {
        const Plan plan = lower(loaded.description, run_shape(loaded, frames, size, 1, dtype, "masked")).plan;
        for (const Step &step : plan.steps) {
            ModelUse &use = uses[step.kernel.name()];
            use.layers.push_back(step.label);
            const std::string kind = kind_of(step);
            if (std::find(use.kinds.begin(), use.kinds.end(), kind) == use.kinds.end()) use.kinds.push_back(kind);
        }
    }
    for (KernelCode &code : codes)
        code.use = uses[code.kernel];
}

} // namespace afnet
