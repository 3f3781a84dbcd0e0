"""One engine with one network in a process of its own. Not for people: scripts/bench-peers starts it.

Speaks JSON lines. When ready it has run each ratio and written what came out as a case for `afnet verify`; then each
line `RATIO RUNS` on standard input is answered with the times of that many runs, after one that is not timed.
"""
import argparse
import json
import os
import sys
import time


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("engine", "network", "form", "model", "cases"):
        parser.add_argument("--" + name, required=True)
    for name in ("threads", "frames", "size"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--rt", type=float, nargs="+", required=True)
    return parser.parse_args(arguments)


def main():
    options = parse()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries may print; the answers stay clean

    def answer(**fields):
        answers.write(json.dumps(fields) + "\n")

    try:
        import numpy as np

        import engines
        import participants
        import recipe

        video = recipe.video(1, options.frames, options.size, options.size)[0]
        blocks = participants.BLOCKS[options.network]
        masks = {rt: participants.spread_mask(options.frames, rt) for rt in options.rt}
        thresholds = {rt: np.array([[-participants.FORCE if m else participants.FORCE for m in mask]] * blocks,
                                   np.float32) if blocks else None for rt, mask in masks.items()}
        engine = engines.load(options, video, thresholds[options.rt[0]])
        cases = {}
        for rt in options.rt:
            for _ in range(2):
                logits, clip_logits = (np.array(result) for result in engine.run(thresholds[rt]))
            case = {"model": options.network, "frames": options.frames, "batch": 1, "size": options.size,
                    "classes": logits.shape[1], "seed": 1}
            if blocks:
                case["forced_mask"] = masks[rt]
            cases[str(rt)] = f"{options.cases}.rt{rt:g}.safetensors"
            recipe.write_case(cases[str(rt)], case, {"logits": logits, "clip_logits": clip_logits})
    except Exception as error:  # any engine's own kinds
        answer(error=f"{type(error).__name__}: {error}".strip())
        return 1
    answer(cases=cases, remark=engine.remark)
    for line in sys.stdin:
        rt, runs = line.split()
        limits = thresholds[float(rt)]
        times = []
        try:
            engine.run(limits)
            for _ in range(int(runs)):
                begin = time.perf_counter()
                engine.run(limits)
                times.append(1e3 * (time.perf_counter() - begin))
        except Exception as error:
            answer(error=f"{type(error).__name__}: {error}".strip())
            return 1
        answer(ms=times)
    return 0


if __name__ == "__main__":
    sys.exit(main())
