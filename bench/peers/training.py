#!/usr/bin/env python3
"""Times whole steps of training (forward, backward, clipped gradient, SGD) of `afnet` and PyTorch eager, in turn.

PyTorch runs the networks of this folder with batch statistics and all frames selected, as NCHW and as NHWC. Run with
the environment's interpreter: build/peers/bin/python bench/peers/training.py [--json FILE]; see docs/peers.md.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

import networks

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STATISTICS = ("mean", "variance")  # a ConvNorm's, which the gradient does not change
EVERY_FRAME = -1e30  # threshold of a gate


class TorchStep:
    """One network under training on one batch."""

    def __init__(self, name, options, layout):
        self.network = networks.build(name, frames=options.frames, fold=False).to(memory_format=layout).train()
        trained = [p for key, p in self.network.named_parameters() if key.rsplit(".", 1)[-1] not in STATISTICS]
        for parameter in trained:
            parameter.requires_grad_(True)
        self.trained = trained
        self.optimizer = torch.optim.SGD(trained, lr=0.0, momentum=0.9, weight_decay=5e-4)
        generator = torch.Generator().manual_seed(1)
        shape = (options.clips * options.frames, 3, options.size, options.size)
        self.video = (2 * torch.rand(shape, generator=generator) - 1).to(memory_format=layout)
        self.labels = torch.arange(options.clips)
        blocks = sum(len(m.navigation) for m in self.network.modules() if hasattr(m, "navigation"))
        self.thresholds = torch.full((blocks, shape[0]), EVERY_FRAME)

    def __call__(self):
        self.optimizer.zero_grad(set_to_none=True)
        _, scores = self.network(self.video, self.thresholds)
        F.cross_entropy(scores, self.labels).backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 20.0)
        self.optimizer.step()

    def milliseconds(self, steps):
        self()
        times = []
        for _ in range(steps):
            begin = time.perf_counter()
            self()
            times.append(1e3 * (time.perf_counter() - begin))
        return statistics.median(times)


def afnet_milliseconds(name, options):
    command = [os.path.join(ROOT, "build", "afnet"), "bench", "training", "--model", name, "--whole", "--json", "-q",
               "--clips", str(options.clips), "--frames", str(options.frames), "--size", str(options.size),
               "--threads", str(options.threads), "--passes", str(options.steps)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.exit(f"training.py: {' '.join(command)} ended with status {result.returncode}")
    return json.loads(result.stdout)["steps"][0]["ms_median"]


def measure(name, options):
    layouts = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
    peers = {layout: TorchStep(name, options, layouts[layout]) for layout in options.layouts}
    rounds = []
    for _ in range(options.rounds):
        row = {"afnet": afnet_milliseconds(name, options)}
        row.update({layout: step.milliseconds(options.steps) for layout, step in peers.items()})
        rounds.append(row)
    medians = {who: statistics.median(row[who] for row in rounds) for who in rounds[0]}
    best = min(peers, key=lambda layout: medians[layout])
    ratio = statistics.median(row[best] / row["afnet"] for row in rounds)
    return {"network": name, "clips": options.clips, "frames": options.frames, "size": options.size,
            "threads": options.threads, "rounds": rounds, "ms_median": medians, "pytorch": best, "ratio": ratio}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["af_resnet50_tsm", "af_resnet50"])
    parser.add_argument("--layouts", nargs="+", default=["NCHW", "NHWC"], choices=["NCHW", "NHWC"])
    for option, default in (("clips", 2), ("frames", 8), ("size", 112), ("rounds", 3), ("steps", 5),
                            ("threads", os.cpu_count())):
        parser.add_argument("--" + option, type=int, default=default)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = []
    print("| network | afnet ms | " + " | ".join(f"PyTorch {layout} ms" for layout in options.layouts)
          + " | PyTorch / afnet |")
    print("|---|" + "---|" * (2 + len(options.layouts)), flush=True)
    for name in options.networks:
        row = measure(name, options)
        rows.append(row)
        figures = [f"{row['ms_median'][who]:.0f}" for who in ("afnet", *options.layouts)]
        print(f"| {name} | " + " | ".join(figures) + f" | {row['ratio']:.2f} |", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"torch": torch.__version__, "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
