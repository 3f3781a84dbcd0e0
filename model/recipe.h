// Closed-form weights, input and noise: every number follows from a name, a seed and an index, so that two programs can
// run the same network without exchanging a file. tests/golden/README.md defines the recipe; the golden cases use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace afnet {

/// The 64-bit FNV-1a hash of `text`.
uint64_t fnv1a64(std::string_view text);

/// Element `i` of the uniform stream of a name (given by its fnv1a64) and a seed: a multiple of 2^-24 in [0, 1), exact
/// in float as well.
double recipe_uniform(uint64_t name_hash, uint64_t seed, uint64_t i);

/// One parameter of a network.
///
/// @param key    the name in the backbone's state_dict, without `module.` or `base_model.`; it selects the stream, and
///               its last component says what kind of parameter it is.
/// @param shape  PyTorch order, outermost first, e.g. [co, ci/groups, v, u].
/// @param gain   factor on convolution and linear weights only; the golden cases that name none use 1.
/// @return all elements in PyTorch order; a `num_batches_tracked` is one 0. Throws Error for a key that is neither a
///         weight, a bias nor a running statistic.
std::vector<float> recipe_parameter(const std::string &key, const std::vector<int64_t> &shape, uint64_t seed,
                                    double gain = 1.0);

/// The input clips, already normalised, indexed [x, y, c, t, b] innermost first (PyTorch's [b, t, c, y, x]) with three
/// channels. Both coordinates are scaled by 32 / width, whatever the height.
std::vector<float> recipe_video(int batch, int frames, int height, int width, uint64_t seed);

/// The same clips, frame by frame as networks take them: `take(flat frame, pixels [3, x, y])`.
void for_each_recipe_frame(int batch, int frames, int height, int width, uint64_t seed,
                           const std::function<void(int, const float *)> &take);

/// The first `count` uniform numbers that the `k`-th navigation in execution order, from 0, turns into Gumbel noise,
/// indexed [category, t, b] innermost first.
std::vector<float> recipe_gumbel_uniform(int k, size_t count, uint64_t seed);
/// The same of the `k`-th navigation of patches, indexed [category, column, row, t, b].
std::vector<float> recipe_patch_gumbel_uniform(int k, size_t count, uint64_t seed);

} // namespace afnet
