/* Means over the pixels of a map by an installed kernel, and what it says to a map of the wrong type. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include KERNELS

enum { kChannels = 5, kWidth = 3, kHeight = 2, kFrames = 2 };

static int errors = 0;

static void count_error(void *context, const char *message) {
    (void)context;
    errors += strlen(message) > 0;
}

/* Dense, innermost dimension first. */
static struct halide_buffer_t buffer_of(float *data, int dimensions, const int *extents, halide_dimension_t *dim) {
    struct halide_buffer_t buffer = {0};
    int stride = 1;
    for (int d = 0; d < dimensions; d++) {
        dim[d].min = 0;
        dim[d].extent = extents[d];
        dim[d].stride = stride;
        dim[d].flags = 0;
        stride *= extents[d];
    }
    buffer.host = (uint8_t *)data;
    buffer.type.code = halide_type_float;
    buffer.type.bits = 32;
    buffer.type.lanes = 1;
    buffer.dimensions = dimensions;
    buffer.dim = dim;
    return buffer;
}

int main(void) {
    float map[kFrames * kHeight * kWidth * kChannels], mean[kFrames * kChannels];
    const int map_extents[] = {kChannels, kWidth, kHeight, kFrames}, mean_extents[] = {kChannels, kFrames};
    halide_dimension_t map_dim[4], mean_dim[2];
    struct halide_buffer_t input = buffer_of(map, 4, map_extents, map_dim);
    struct halide_buffer_t output = buffer_of(mean, 2, mean_extents, mean_dim);
    const int pixels = kWidth * kHeight;
    for (int f = 0; f < kFrames; f++) {
        for (int p = 0; p < pixels; p++) {
            for (int c = 0; c < kChannels; c++) map[(f * pixels + p) * kChannels + c] = (float)(100 * f + p + 10 * c);
        }
    }
    if (spatial_mean(&input, &input, &output) != 0) return 1;
    for (int f = 0; f < kFrames; f++) {
        for (int c = 0; c < kChannels; c++) {
            const float expected = 100 * f + 10 * c + (pixels - 1) / 2.0f;
            if (fabsf(mean[f * kChannels + c] - expected) > 1e-4f * expected) {
                fprintf(stderr, "frame %d, channel %d: %g, not %g\n", f, c, mean[f * kChannels + c], expected);
                return 1;
            }
        }
    }
    halide_set_error_handler(count_error);
    input.type.bits = 64;
    if (spatial_mean(&input, &input, &output) == 0 || errors != 1) {
        fprintf(stderr, "a map of doubles was not refused\n");
        return 1;
    }
    printf("right\n");
    return 0;
}
