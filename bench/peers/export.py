"""Writes a network as ONNX, for the engines that read it: dense, BatchNorm folded, fixed extents.

Inputs: video [t, 3, y, x], and for adaptive networks thresholds [blocks, t]. Outputs: logits, clip_logits.
"""
import argparse
import os
import warnings

import torch

import networks


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--network", required=True)
    arguments.add_argument("--frames", type=int, required=True)
    arguments.add_argument("--size", type=int, required=True)
    arguments.add_argument("--output", required=True)
    options = arguments.parse_args()
    network = networks.build(options.network, options.frames)
    video = torch.zeros(options.frames, 3, options.size, options.size)
    inputs, names = (video,), ["video"]
    if network.adaptive:
        inputs, names = (video, torch.zeros(network.blocks, options.frames)), ["video", "thresholds"]
    warnings.filterwarnings("ignore")
    partial = f"{options.output}.{os.getpid()}"
    with torch.inference_mode():
        torch.onnx.export(network, inputs, partial, input_names=names, output_names=["logits", "clip_logits"],
                          opset_version=17, dynamo=False)
    os.replace(partial, options.output)


if __name__ == "__main__":
    main()
