"""scripts/bench-gpu: what networks take on a CUDA GPU, by Halide's kernels alone and with those of cuDNN and cuBLASLt,
beside the CPU and PyTorch, all in turn in one run; and what convolutions take beside cuDNN's and cuBLASLt's."""
import argparse
import json
import os
import subprocess
import sys
import time

import afnet_program
import gpu_bundle
import gpu_report
from gpu_report import ADAPTIVE, DENSE, LEAST_RUNS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASE = os.path.join(ROOT, "tests", "golden", "r50_tsm_t8_s64_b2.safetensors")
RATIOS = {DENSE: (1.0,), ADAPTIVE: (1.0, 0.4)}
VENDOR_KERNELS = ("never", "f32", "tf32", "bf16", "f16")  # as --vendor-kernels says it


class Refused(Exception):
    """Nothing can be measured here; the message says why and what to do."""


def quiet(command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError:
        return None


def on_device(options, vendor):
    return ["--device", options.device] + (["--vendor-kernels", vendor] if options.device == "cuda" else [])


def check_device(options, vendor):
    """The device runs a reference case, and gets it right, before anything is timed."""
    result = afnet_program.run([options.program, "verify", "--quiet", *on_device(options, vendor), CASE])
    if result.returncode != 0:
        raise Refused(afnet_program.message(result) if result.stderr.strip() else
                      f"{CASE} fails on the device: run `afnet verify --device {options.device}` on it")


def working_vendors(options):
    """Those of the wanted ways that get the case right; of the libraries' ones, what fails is said and left out."""
    working = []
    for vendor in options.vendor_kernels:
        try:
            check_device(options, vendor)
            working.append(vendor)
        except Refused as error:
            if vendor == "never":
                raise
            print(f"bench-gpu: --vendor-kernels {vendor}: {error}", file=sys.stderr)
    return working


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


def afnet_json(command):
    result = afnet_program.run(command)
    if result.returncode != 0:
        raise Refused(f"{' '.join(command)}: {afnet_program.message(result)}")
    return json.loads(result.stdout)["rows"]


def afnet_rows(options, network, clips, engine, where, runs):
    rows = afnet_json([options.program, "bench", "network", "--json", "--quiet", *where, "--model", network, "--rt",
                       *map(str, RATIOS[network]), "--frames", str(options.frames), "--size", str(options.size),
                       "--batch", str(clips), "--rounds", str(runs), "--seconds", str(options.seconds)])
    return {(engine, network, clips, row["rt"]): row for row in rows}


def engine_name(options, vendor):
    return f"afnet {options.device}" + ("" if vendor == "never" else f", vendors' {vendor}")


def torch_rows(options, python, network, clips, precision):
    command = [python, os.path.join(ROOT, "bench", "peers", "gpu_torch.py"), network, str(options.frames),
               str(options.size), str(clips), str(options.runs), precision]
    result = quiet(command)
    if not result or result.returncode != 0:
        reason = result.stderr.strip().splitlines()[-1:] if result else ["it does not start"]
        raise Refused(f"PyTorch, {network}, {precision}: {' '.join(reason)}")
    answer = json.loads(result.stdout)
    return {(answer["engine"], network, clips, 1.0): {"ms_median": answer["ms_median"], "samples": answer["samples"]}}


def turn(options, vendors, python, with_cpu):
    """Every participant once."""
    rows = {}
    for clips in options.batch:
        for network in (DENSE, ADAPTIVE):
            for vendor in vendors:
                rows.update(afnet_rows(options, network, clips, engine_name(options, vendor),
                                       on_device(options, vendor), options.runs))
            for precision in [v for v in options.vendor_kernels if v != "never"] if python else []:
                try:
                    rows.update(torch_rows(options, python, network, clips, precision))
                except Refused as error:
                    print(f"bench-gpu: {error}", file=sys.stderr)
            if with_cpu:
                rows.update(afnet_rows(options, network, clips, "afnet cpu", [], 3))
    return rows


def layers(options):
    """Convolutions of both networks without TSM and masks, by Halide and by vendors' f32."""
    tables = []
    for network, more in (("resnet50", []), ("af_resnet50", ["--without-masks"])):
        command = [options.program, "bench", "kernels", "--json", "--quiet", "--target", "cuda-80", "--model", network,
                   "--filter", "conv2d*", "--frames", str(options.frames), "--size", str(options.size), "--seconds",
                   "0.1", *more]
        own, vendors = (afnet_json(command + ["--vendor-kernels", vendor]) for vendor in ("never", "f32"))
        tables += gpu_report.layer_table(own, vendors)
    return tables


def shares(options):
    """What masks turn into time, by Halide's kernels, against the network without masks."""
    return afnet_json([options.program, "bench", "sparsity", "--json", "--quiet", *on_device(options, "never"),
                       "--model", ADAPTIVE, "--rt", "0.4", "--frames", str(options.frames), "--size",
                       str(options.size), "--batch", *map(str, options.batch), "--rounds", "100", "--seconds", "10"])


def measure(options):
    """All turns, as many as fit into the time."""
    limit = time.monotonic() + 330  # no further turn after that: the whole stays below 8 minutes
    vendors = working_vendors(options)
    python = torch_python(options) if options.device == "cuda" else None
    if not python:
        print("bench-gpu: no Python with PyTorch for CUDA is at hand: its rows are missing", file=sys.stderr)
    turns, longest = [], 0
    while len(turns) < options.turns and time.monotonic() + longest < limit:
        begin = time.monotonic()
        turns.append(turn(options, vendors, python, with_cpu=not turns))
        longest = max(longest, time.monotonic() - begin)
    layer_rows = layers(options) if "f32" in vendors and options.device == "cuda" else []
    return turns, shares(options), layer_rows


def bundle(options):
    try:
        size = gpu_bundle.write(options.bundle, CASE, options.program)
    except gpu_bundle.Unbundled as error:
        print(f"bench-gpu: {error}", file=sys.stderr)
        return 1
    print(f"{options.bundle}: {size / 2 ** 20:.1f} MiB; unpack it and run {gpu_bundle.NAME}/scripts/bench-gpu")
    return 0


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench-gpu", description=__doc__)
    parser.add_argument("--program", help="default: build/afnet; with --bundle, one that is built for it")
    parser.add_argument("--device", choices=("cuda", "opencl"), default="cuda")
    parser.add_argument("--vendor-kernels", nargs="+", choices=VENDOR_KERNELS, default=["never", "f32", "tf32"],
                        help="whose kernels, and in PyTorch the precisions; default: never f32 tf32")
    parser.add_argument("--python", help="a Python with PyTorch for CUDA; default: python3, where it has it")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8], help="clips at a time")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--runs", type=int, default=120, help="runs of each in a turn")
    parser.add_argument("--seconds", type=float, default=12, help="time of each network in a turn, at the most")
    parser.add_argument("--json", metavar="FILE", help="also write the rows and what was seen in each turn")
    parser.add_argument("--bundle", metavar="FILE.tar.gz",
                        help="measure nothing: write all that this needs on a machine without the project")
    options = parser.parse_args(arguments)
    if min(options.turns, options.runs, options.frames, *options.batch) < 1:
        parser.error("numbers must be at least 1")
    if options.device != "cuda":
        options.vendor_kernels = ["never"]
    if not options.bundle and options.program is None:
        options.program = os.path.join(ROOT, "build", "afnet")
    return options


def main(arguments):
    options = parse(arguments)
    if options.bundle:
        return bundle(options)
    try:
        turns, share_rows, layer_rows = measure(options)
    except (Refused, afnet_program.AfnetFailed) as error:
        print(f"bench-gpu: {error}", file=sys.stderr)
        return 1
    facts, table = gpu_facts(), gpu_report.summarise(turns)
    print(gpu_report.markdown(facts, table, share_rows, layer_rows))
    few = [row for row in table if row["engine"] != "afnet cpu" and row["samples"] < LEAST_RUNS]
    if few:
        print(f"bench-gpu: rows of fewer than {LEAST_RUNS} runs: give more --turns or --seconds", file=sys.stderr)
    if options.json:
        flat = [[{"engine": k[0], "network": k[1], "batch": k[2], "rt": k[3], **row} for k, row in rows.items()]
                for rows in turns]
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"gpu": facts, "rows": table, "sparsity": share_rows, "layers": layer_rows, "turns": flat},
                      file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
