#include "model/weights.h"

#include "model/recipe.h"

namespace afnet {

Weights recipe_weights(uint64_t seed, double gain) {
    return [seed, gain](const ParameterInfo &p) { return recipe_parameter(p.key, p.shape, seed, gain); };
}

}  // namespace afnet
