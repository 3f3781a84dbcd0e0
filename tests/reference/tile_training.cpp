#include "tests/reference/tile_training.h"

#include <algorithm>

#include "tests/reference/convolution_gradients.h"

namespace afnet::reference {

namespace {

// Calls `copy` with each pixel of the selected tiles: its place in a compact tensor, and in the map.
template <class Copy> void for_each_pixel(const TileList &list, const Copy &copy) {
    for (int n = 0; n < list.selected; n++) {
        const auto &[column, row, frame] = list.tiles[size_t(n)];
        for (int y = 0; y < list.side; y++)
            for (int x = 0; x < list.side; x++)
                copy(x, y, n, column * list.side + x, row * list.side + y, frame);
    }
}

BatchNormLayer norm_layer(const NormalizedConvolution &layer, const BranchLayer &state, const TileList &pixels) {
    return {compact_tiles(state.sum, pixels), state.moments, layer.gamma, layer.beta, layer.activation};
}

} // namespace

TileList tile_list(const SpatialMask &mask, const std::vector<double> *chosen, int width, int height, int side) {
    require(width % side == 0 && height % side == 0, "tiles divide the map");
    TileList list{side, width, height, mask.frames, 0, {}};
    for (const bool wanted : {true, false}) {
        for (int f = 0; f < mask.frames; f++) {
            for (int row = 0; row < height / side; row++) {
                for (int column = 0; column < width / side; column++) {
                    int pixels = 0;
                    for (int p = 0; p < side * side; p++)
                        pixels += mask.selects(column * side + p % side, row * side + p / side, f, width, height);
                    require(pixels == 0 || pixels == side * side, "a tile lies in one patch");
                    const bool hit = pixels > 0 && (!chosen || (*chosen)[size_t(f)] != 0);
                    if (hit == wanted) list.tiles.push_back({column, row, f});
                }
            }
        }
        if (wanted) list.selected = int(list.tiles.size());
    }
    return list;
}

Tensor4 compact_tiles(const Tensor4 &map, const TileList &list) {
    Tensor4 result(map.c, list.side, list.side, list.selected);
    for_each_pixel(list, [&](int x, int y, int n, int map_x, int map_y, int f) {
        std::copy_n(map.pixel(map_x, map_y, f), map.c, result.pixel(x, y, n));
    });
    return result;
}

Tensor4 spread_tiles(const Tensor4 &compact, const TileList &list) {
    Tensor4 result(compact.c, list.width, list.height, list.frames);
    for_each_pixel(list, [&](int x, int y, int n, int map_x, int map_y, int f) {
        std::copy_n(compact.pixel(x, y, n), compact.c, result.pixel(map_x, map_y, f));
    });
    return result;
}

Tensor4 surrounded_tiles(const Tensor4 &compact, const TileList &list) {
    const Tensor4 map = spread_tiles(compact, list);
    const int side = list.side + 2;
    Tensor4 result(compact.c, side, side, list.selected);
    for (int n = 0; n < list.selected; n++) {
        const auto &[column, row, frame] = list.tiles[size_t(n)];
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                const int map_x = column * list.side + x - 1, map_y = row * list.side + y - 1;
                if (map_x < 0 || map_y < 0 || map_x >= list.width || map_y >= list.height) continue;
                std::copy_n(map.pixel(map_x, map_y, frame), map.c, result.pixel(x, y, n));
            }
        }
    }
    return result;
}

std::vector<BranchLayer> sparse_branch(const Tensor4 &input, const std::vector<NormalizedConvolution> &layers,
                                       const TileList &pixels) {
    require(pixels.side == 1, "a list of pixels");
    std::vector<BranchLayer> states;
    Tensor4 read = spread_tiles(compact_tiles(input, pixels), pixels);
    for (const NormalizedConvolution &layer : layers) {
        BranchLayer state;
        state.input = read;
        state.sum = conv2d(read, layer.shape, conv2d_weight(layer.weights));
        state.moments = moments(compact_tiles(state.sum, pixels));
        read = state.output = spread_tiles(batch_norm_output(norm_layer(layer, state, pixels)), pixels);
        states.push_back(std::move(state));
    }
    return states;
}

BranchGradients sparse_branch_gradients(const std::vector<BranchLayer> &states,
                                        const std::vector<NormalizedConvolution> &layers, const TileList &pixels,
                                        const Tensor4 &d_output) {
    BranchGradients result;
    result.weights.resize(layers.size());
    result.gamma.resize(layers.size());
    result.beta.resize(layers.size());
    Tensor4 d = d_output;
    for (size_t i = layers.size(); i-- > 0;) {
        const BranchLayer &state = states[i];
        const BatchNormGradients norm =
            batch_norm_gradients(norm_layer(layers[i], state, pixels), compact_tiles(d, pixels), false);
        result.gamma[i] = norm.gamma;
        result.beta[i] = norm.beta;
        const Tensor4 d_sum = spread_tiles(norm.input, pixels);
        result.weights[i] = conv2d_grad_weights(state.input, d_sum, layers[i].shape);
        d = conv2d_grad_input(d_sum, layers[i].shape, layers[i].weights, state.input.c, pixels.width, pixels.height);
    }
    result.input = spread_tiles(compact_tiles(d, pixels), pixels);
    return result;
}

} // namespace afnet::reference
