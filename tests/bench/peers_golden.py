"""The peers' networks against the reference vectors: folded or not, dense or gathered. Runs in build/peers."""
import os
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench", "peers"))

import torch  # noqa: E402

import networks  # noqa: E402
import recipe  # noqa: E402

TOLERANCE = 2e-5
CASES = {"mbv3_tsm_t8_s96": "af_mobilenetv3_tsm", "r50_tsn_t8_s64": "af_resnet50",
         "r50_tsm_t8_s64_b2": "af_resnet50_tsm", "r101_tsm_t8_s96": "af_resnet101_tsm"}


def difference(name, network, fold, gather):
    case, expected = recipe.read_case(os.path.join(ROOT, "tests", "golden", name + ".safetensors"))
    batch, frames, size, seed = (case[key] for key in ("batch", "frames", "size", "seed"))
    module = networks.build(network, frames, fold, gather, case["classes"], seed, case.get("gain", 1.0))
    video = torch.from_numpy(recipe.video(batch, frames, size, size, seed)).flatten(0, 1)
    with torch.inference_mode():
        results = module(video, torch.zeros(module.blocks, batch * frames))
    return max(float(np.abs(actual.numpy() - expected[key]).max() / np.abs(expected[key]).max())
               for actual, key in zip(results, ("logits", "clip_logits")))


def main():
    torch.set_num_threads(1)
    worst = 0
    for name, network in CASES.items():
        for fold, gather in ((True, False), (False, False), (True, True)):
            value = difference(name, network, fold, gather)
            worst = max(worst, value)
            print(f"{name} fold {fold} gather {gather}: {value:.1e}")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
