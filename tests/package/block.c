/* Runs an installed focal block, and asks for one that is not there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "afnet/focal_block.h"

enum { kWidth = 3, kHeight = 2, kFrames = 2 };

int main(void) {
    const afnet_focal_block_shape shape = {kWidth, kHeight, kFrames, 1};
    const uint8_t selected[kFrames] = {1, 0};
    afnet_focal_block_choice choice = {"key_stripe", "layer1.refine_module.2", NULL, NULL, NULL};
    afnet_focal_block *block = NULL;
    int in = 0, out = 0;
    if (afnet_focal_block_open(&choice, &block) == 0 || !strstr(afnet_error(), "no focal block")) return 1;
    choice.block = "layer1.refine_module.0";
    if (afnet_focal_block_open(&choice, &block) != 0) {
        fprintf(stderr, "%s\n", afnet_error());
        return 1;
    }
    afnet_focal_block_channels(block, &in, &out);
    float *input = calloc((size_t)in * kWidth * kHeight * kFrames, sizeof *input);
    float *output = malloc((size_t)out * kWidth * kHeight * kFrames * sizeof *output);
    if (!input || !output || afnet_focal_block_run(block, &shape, input, selected, output) != 0) {
        fprintf(stderr, "%s\n", afnet_error());
        return 1;
    }
    /* A frame of zeroes gives what a frame gets that is not computed. */
    const size_t frame = (size_t)out * kWidth * kHeight;
    const int same = memcmp(output, output + frame, frame * sizeof *output) == 0;
    free(input);
    free(output);
    afnet_focal_block_close(block);
    if (!same) return 1;
    printf("right\n");
    return 0;
}
