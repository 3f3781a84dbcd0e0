/* One focal block of an AFNet, inference, in C: docs/focal-block.md. The library never prints and never ends the
 * process. Functions that can fail return 0, or another number where they failed; afnet_error() says why then. */
#ifndef AFNET_FOCAL_BLOCK_H
#define AFNET_FOCAL_BLOCK_H

#include <stdint.h>

#if defined(__GNUC__)
#define AFNET_PUBLIC __attribute__((visibility("default")))
#else
#define AFNET_PUBLIC
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Of this interface. It changes when a program that was compiled against another one must be compiled again. */
#define AFNET_FOCAL_BLOCK_VERSION 1

/* An opened block. One thread at a time runs it; others wait. */
typedef struct afnet_focal_block afnet_focal_block;

/* Which block. Text is UTF-8. */
typedef struct {
    const char *model; /* weights file, run folder, or a model's name, as `afnet classify --model` takes it */
    const char *block; /* for example layer2.refine_module.1 */
    const char
        *unselected;     /* what frames get that are not computed, masked or skipped; NULL: as the model was trained */
    const char *device;  /* cpu or cuda; NULL: cpu */
    const char *kernels; /* folder of kernel libraries; NULL: AFNET_KERNELS, else `kernels` beside this library */
} afnet_focal_block_choice;

/* A run's input and output: columns and rows, frames of a clip, clips. Output has the input's. */
typedef struct {
    int width, height; /* 1 to 4096 */
    int frames;        /* 1 to 256; with TSM frames of one clip read each other's channels */
    int clips;         /* 1 to 1024 */
} afnet_focal_block_shape;

/* AFNET_FOCAL_BLOCK_VERSION of the library. */
AFNET_PUBLIC int afnet_focal_block_version(void);

/* What went wrong in this thread's last call that failed; never NULL, valid until the thread's next call. */
AFNET_PUBLIC const char *afnet_error(void);

/* Kernel threads of the whole process from now on; 0: one per processor that this process may use, which is also so
 * where nobody calls it. Not while a block runs. */
AFNET_PUBLIC int afnet_set_threads(int threads);

/* Opens a block; to be closed. */
AFNET_PUBLIC int afnet_focal_block_open(const afnet_focal_block_choice *choice, afnet_focal_block **opened);
/* Channels of its input and its output. */
AFNET_PUBLIC void afnet_focal_block_channels(const afnet_focal_block *block, int *input, int *output);
AFNET_PUBLIC void afnet_focal_block_close(afnet_focal_block *block);

/* Runs a block on the CPU. `input` and `output`: floats [channels, width, height, frames * clips], innermost first
 * (NHWC), dense; the same memory, if the block has as many channels on both sides and no projection, or apart.
 * `selected`: a byte per frame, 0 where it is not computed; NULL: all are. The first run of a shape packs weights. */
AFNET_PUBLIC int afnet_focal_block_run(afnet_focal_block *block, const afnet_focal_block_shape *shape,
                                       const float *input, const uint8_t *selected, float *output);

/* The same on CUDA: `input` and `output` are in device memory of the primary context of the first device, at multiples
 * of 128 bytes; `selected` is not. Kernels go to `stream` (a CUstream; NULL: the default stream), and have ended when
 * the function returns. */
AFNET_PUBLIC int afnet_focal_block_run_on_stream(afnet_focal_block *block, const afnet_focal_block_shape *shape,
                                                 const float *input, const uint8_t *selected, float *output,
                                                 void *stream);

#ifdef __cplusplus
}
#endif

#endif
