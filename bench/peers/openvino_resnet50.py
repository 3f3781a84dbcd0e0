"""ResNet-50 in OpenVINO, timed: the peer that afnet's figures stand beside.

Builds torchvision's ResNet-50 (BatchNorm folded: convolution, bias, ReLU) from OpenVINO's own operations with random
weights, compiles it for the CPU and prints one JSON line with the times of its runs in milliseconds.
"""
import argparse
import json
import time

import numpy as np
import openvino as ov
from openvino import opset13 as ops


def convolution(rng, x, ci, co, kernel, stride=1, relu=True):
    weights = rng.standard_normal((co, ci, kernel, kernel), dtype=np.float32) * np.sqrt(2.0 / (ci * kernel * kernel))
    bias = rng.standard_normal((1, co, 1, 1), dtype=np.float32) * 0.1
    pad = [(kernel - 1) // 2] * 2
    y = ops.convolution(x, ops.constant(weights.astype(np.float32)), [stride] * 2, pad, pad, [1, 1])
    y = ops.add(y, ops.constant(bias))
    return ops.relu(y) if relu else y


def bottleneck(rng, x, ci, co, stride):
    width = co // 4
    y = convolution(rng, x, ci, width, 1)
    y = convolution(rng, y, width, width, 3, stride)
    y = convolution(rng, y, width, co, 1, relu=False)
    shortcut = x if ci == co and stride == 1 else convolution(rng, x, ci, co, 1, stride, relu=False)
    return ops.relu(ops.add(y, shortcut))


def resnet50(frames, size, classes):
    rng = np.random.default_rng(1)
    video = ops.parameter([frames, 3, size, size], np.float32, name="video")
    x = convolution(rng, video, 3, 64, 7, 2)
    x = ops.max_pool(x, [2, 2], [1, 1], [1, 1], [1, 1], [3, 3], "floor").output(0)
    channels = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            out = 256 << stage
            x = bottleneck(rng, x, channels, out, 2 if stage > 0 and block == 0 else 1)
            channels = out
    x = ops.reduce_mean(x, ops.constant(np.array([2, 3])), False)
    weights = rng.standard_normal((classes, channels), dtype=np.float32) * 0.01
    return ov.Model([ops.matmul(x, ops.constant(weights), False, True)], [video])


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--frames", type=int, default=12)
    arguments.add_argument("--size", type=int, default=224)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--runs", type=int, default=10)
    arguments.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    options = arguments.parse_args()
    model = resnet50(options.frames, options.size, 174)
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": options.threads,
                                                      "INFERENCE_PRECISION_HINT": options.precision,
                                                      "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    video = np.random.default_rng(2).standard_normal((options.frames, 3, options.size, options.size), dtype=np.float32)
    tensor = ov.Tensor(video)
    request.infer([tensor])
    times = []
    for _ in range(options.runs):
        begin = time.perf_counter()
        request.infer([tensor])
        times.append(1e3 * (time.perf_counter() - begin))
    print(json.dumps({"name": f"openvino resnet50 {options.precision}", "version": ov.__version__, "ms": times}))


if __name__ == "__main__":
    main()
