#include "model/network_constants.h"

#include <algorithm>

#include "runtime/parallel_for.h"

namespace afnet {

namespace {

// Positions of F(0)'s distinct columns or rows: those within p of an edge, and one between
// (generators/zero_response.h).
std::vector<int> distinct_positions(int side, int kernel) {
    const int border = (kernel - 1) / 2, count = std::min(kernel, side);
    std::vector<int> positions;
    for (int i = 0; i < count; i++)
        positions.push_back(i <= border ? i : side - (count - i));
    return positions;
}

PackedConstant packed(const ConstantRecipe &recipe, const Executor &executor, const Weights &weights) {
    return recipe.make(weights, *executor.kernel(recipe.step).entry);
}

void compute_zero_response(const ZeroResponse &response, const LoweredNetwork &network, Executor &owner,
                           KernelStore &kernels, const std::string &model, const Weights &weights) {
    Executor executor(response.plan, kernels, model);
    for (size_t i = 0; i < response.constants.size(); i++) {
        const ConstantRecipe &recipe = response.constants[i];
        const ConstantRecipe &original = network.constants[response.originals[i]];
        if (executor.kernel(recipe.step).entry->knobs == owner.kernel(original.step).entry->knobs) {
            executor.share_constant(recipe.tensor, owner, original.tensor);
        } else {
            PackedConstant constant = packed(recipe, executor, weights);
            executor.set_constant(recipe.tensor, std::move(constant.extents), constant.elements);
        }
    }
    *static_cast<int *>(executor.memory(response.count).data) = 1;
    executor.run();

    const std::vector<int> &whole = response.plan.tensors[size_t(response.result)].extents;
    const std::vector<float> map = executor.numbers(response.result);
    const size_t channels = size_t(whole[0]);
    const std::vector<int> columns = distinct_positions(whole[1], response.kernel);
    const std::vector<int> rows = distinct_positions(whole[2], response.kernel);
    std::vector<float> distinct;
    for (int y : rows) {
        for (int x : columns) {
            const float *pixel = map.data() + (size_t(y) * size_t(whole[1]) + size_t(x)) * channels;
            distinct.insert(distinct.end(), pixel, pixel + channels);
        }
    }
    owner.set_constant(response.constant, {whole[0], int(columns.size()), int(rows.size()), 1}, distinct);
}

} // namespace

void pack_constants(const LoweredNetwork &network, Executor &executor, const Weights &weights) {
    if (network.ones != kNoTensor) {
        const int frames = network.plan.tensors[size_t(network.ones)].extents[0];
        executor.set_constant(network.ones, {frames}, std::vector<int>(size_t(frames), 1));
    }
    parallel_for(network.constants.size(), [&](size_t i) {
        const ConstantRecipe &recipe = network.constants[i];
        PackedConstant constant = packed(recipe, executor, weights);
        executor.set_constant(recipe.tensor, std::move(constant.extents), constant.elements);
    });
}

void compute_zero_responses(const LoweredNetwork &network, Executor &executor, KernelStore &kernels,
                            const std::string &model, const Weights &weights) {
    for (const ZeroResponse &response : network.zero_responses)
        compute_zero_response(response, network, executor, kernels, model, weights);
}

} // namespace afnet
