"""scripts/bench-gpu: what networks take on a CUDA GPU, beside the CPU and PyTorch, all in turn in one run."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import afnet_program

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASE = os.path.join(ROOT, "tests", "golden", "r50_tsm_t8_s64_b2.safetensors")
DENSE, ADAPTIVE = "resnet50_tsm", "af_resnet50_tsm"
RATIOS = {DENSE: (1.0,), ADAPTIVE: (1.0, 0.4)}
LEAST_RUNS = 100  # on the GPU, over all turns


class Refused(Exception):
    """Nothing can be measured here; the message says why and what to do."""


def quiet(command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError:
        return None


def check_device(program):
    """The GPU runs a reference case, and gets it right, before anything is timed."""
    result = afnet_program.run([program, "verify", "--quiet", "--device", "cuda", CASE])
    if result.returncode != 0:
        raise Refused(afnet_program.message(result) if result.stderr.strip() else
                      f"{CASE} fails on the GPU: run `afnet verify --device cuda` on it")


def gpu_facts():
    fields = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit"
    result = quiet(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"])
    return result.stdout.strip().splitlines()[0] if result and result.returncode == 0 and result.stdout else "unknown"


def torch_python(options):
    """A Python whose PyTorch sees a GPU; None where there is none."""
    for python in [options.python] if options.python else ["python3", "/usr/bin/python3"]:
        result = quiet([python, "-c", "import torch, numpy; assert torch.cuda.is_available()"])
        if result and result.returncode == 0:
            return python
    return None


def afnet_rows(options, network, clips, device):
    command = [options.program, "bench", "network", "--json", "--quiet", "--device", device, "--model", network,
               "--rt", *map(str, RATIOS[network]), "--frames", str(options.frames), "--size", str(options.size),
               "--batch", str(clips), "--rounds", str(options.runs if device == "cuda" else 3),
               "--seconds", str(options.seconds)]
    result = afnet_program.run(command)
    if result.returncode != 0:
        raise Refused(f"{' '.join(command)}: {afnet_program.message(result)}")
    return {(f"afnet {device}", network, clips, row["rt"]): row for row in json.loads(result.stdout)["rows"]}


def torch_rows(options, python, network, clips):
    command = [python, os.path.join(ROOT, "bench", "peers", "gpu_torch.py"), network, str(options.frames),
               str(options.size), str(clips), str(options.runs)]
    result = quiet(command)
    if not result or result.returncode != 0:
        reason = result.stderr.strip().splitlines()[-1:] if result else ["it does not start"]
        raise Refused(f"PyTorch, {network}: {' '.join(reason)}")
    answer = json.loads(result.stdout)
    return {(answer["engine"], network, clips, 1.0): {"ms_median": answer["ms_median"], "samples": answer["samples"]}}


def turn(options, python, with_cpu):
    """Every participant once."""
    rows = {}
    for clips in options.batch:
        for network in (DENSE, ADAPTIVE):
            rows.update(afnet_rows(options, network, clips, "cuda"))
            if python:
                try:
                    rows.update(torch_rows(options, python, network, clips))
                except Refused as error:
                    print(f"bench-gpu: {error}", file=sys.stderr)
            if with_cpu:
                rows.update(afnet_rows(options, network, clips, "cpu"))
    return rows


def summarise(turns):
    """Medians over turns, and each row's ratio to the dense network of the same engine in the same turn."""
    table = []
    for key in dict.fromkeys(key for rows in turns for key in rows):
        engine, network, clips, rt = key
        those = [rows for rows in turns if key in rows]
        gains = [rows[(engine, DENSE, clips, 1.0)]["ms_median"] / rows[key]["ms_median"]
                 for rows in those if (engine, DENSE, clips, 1.0) in rows]
        table.append({"engine": engine, "network": network, "batch": clips, "rt": rt,
                      "ms": statistics.median(rows[key]["ms_median"] for rows in those),
                      "samples": sum(rows[key]["samples"] for rows in those),
                      "times_dense": statistics.median(gains) if gains else None})
    return table


def markdown(facts, table):
    lines = [f"GPU, driver, clocks (SM, most, memory), power limit: {facts}", "",
             "| engine | network | batch | RT | ms | runs | times as quick as resnet50_tsm |",
             "|---|---|---:|---:|---:|---:|---:|"]
    for row in table:
        gain = "" if row["times_dense"] is None else f"{row['times_dense']:.2f}"
        lines.append(f"| {row['engine']} | {row['network']} | {row['batch']} | {row['rt']:.2f} | {row['ms']:.3f} | "
                     f"{row['samples']} | {gain} |")
    return "\n".join(lines)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench-gpu", description=__doc__)
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "afnet"), help="default: build/afnet")
    parser.add_argument("--python", help="a Python with PyTorch for CUDA; default: python3, where it has it")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8], help="clips at a time")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--runs", type=int, default=40, help="runs of each in a turn")
    parser.add_argument("--seconds", type=float, default=8, help="time of each network in a turn, at the most")
    parser.add_argument("--json", metavar="FILE", help="also write the rows and what was seen in each turn")
    options = parser.parse_args(arguments)
    if min(options.turns, options.runs, options.frames, *options.batch) < 1:
        parser.error("numbers must be at least 1")
    return options


def main(arguments):
    options = parse(arguments)
    limit = time.monotonic() + 400  # no further turn after that: the whole stays below 8 minutes
    try:
        check_device(options.program)
        python = torch_python(options)
        if not python:
            print("bench-gpu: no Python with PyTorch for CUDA is at hand: its rows are missing", file=sys.stderr)
        turns, longest = [], 0
        while len(turns) < options.turns and time.monotonic() + longest < limit:
            begin = time.monotonic()
            turns.append(turn(options, python, with_cpu=not turns))
            longest = max(longest, time.monotonic() - begin)
    except (Refused, afnet_program.AfnetFailed) as error:
        print(f"bench-gpu: {error}", file=sys.stderr)
        return 1
    table = summarise(turns)
    print(markdown(gpu_facts(), table))
    few = [row for row in table if row["engine"] != "afnet cpu" and row["samples"] < LEAST_RUNS]
    if few:
        print(f"bench-gpu: rows of fewer than {LEAST_RUNS} runs: give more --turns or --seconds", file=sys.stderr)
    if options.json:
        flat = [[{"engine": k[0], "network": k[1], "batch": k[2], "rt": k[3], **row} for k, row in rows.items()]
                for rows in turns]
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"gpu": gpu_facts(), "rows": table, "turns": flat}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
