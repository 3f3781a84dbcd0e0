"""Times one network in PyTorch on CUDA: channels last, the whole clip as one CUDA graph.

Arguments: network, frames, size, clips, runs, precision: f32, tf32 (f32 whose factors are rounded), bf16 or f16 (of all
tensors). Prints a line of JSON.
"""
import json
import statistics
import sys

import torch

import networks
import recipe


TYPES = {"f32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def main(name, frames, size, clips, runs, precision):
    rounded = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = rounded
    torch.backends.cudnn.benchmark = True
    network = networks.build(name, frames).cuda().to(TYPES[precision], memory_format=torch.channels_last)
    video = torch.from_numpy(recipe.video(clips, frames, size, size)).flatten(0, 1).cuda()
    inputs = [video.to(TYPES[precision], memory_format=torch.channels_last)]
    blocks = sum(len(stage.navigation) for stage in network.stages if hasattr(stage, "navigation"))
    if blocks:  # a mask multiplies, so the time does not depend on it
        inputs.append(torch.zeros(blocks, clips * frames, device="cuda", dtype=TYPES[precision]))
    with torch.inference_mode():
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                network(*inputs)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            network(*inputs)
        times = []
        for run in range(runs + 10):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            graph.replay()
            end.record()
            torch.cuda.synchronize()
            if run >= 10:
                times.append(begin.elapsed_time(end))
    print(json.dumps({"engine": f"PyTorch {torch.__version__}, CUDA graph, {precision}",
                      "ms_median": statistics.median(times), "samples": len(times)}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:6]), sys.argv[6])
