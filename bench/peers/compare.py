"""Times afnet and its peers in turn: the same networks, weights, clip, masks and threads."""
import argparse
import json
import os
import sys

import environment
import participants
import report
from afnet_program import AfnetFailed
from comparison import Comparison, say
from processes import end_cleanly_on_signals

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
CPU_FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8")


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def parse(arguments=None):
    parser = argparse.ArgumentParser(prog="scripts/bench-peers", description=__doc__,
                                     epilog="Example: scripts/bench-peers --networks resnet50_tsm --engines openvino")
    networks = sorted(participants.BLOCKS)
    parser.add_argument("--networks", nargs="+", choices=networks, metavar="NETWORK",
                        default=list(participants.DEFAULT_NETWORKS), help="of " + ", ".join(networks))
    parser.add_argument("--engines", nargs="+", choices=list(participants.ENGINES), metavar="ENGINE",
                        default=list(participants.ENGINES), help="of " + ", ".join(participants.ENGINES))
    parser.add_argument("--dtypes", nargs="+", choices=("f32", "bf16"), default=["f32"], help="of afnet's own rows")
    parser.add_argument("--rounds", type=positive, default=7, help="turns of everybody (7)")
    parser.add_argument("--runs", type=positive, default=10, help="timed runs per turn (10)")
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--frames", type=positive, default=12)
    parser.add_argument("--size", type=positive, default=224, help="columns and rows, a multiple of 32 (224)")
    parser.add_argument("--quick", action="store_true", help="1 round of 2 runs: whether everything works")
    parser.add_argument("--json", metavar="FILE", help="all rows, as a file")
    parser.add_argument("--afnet", default=os.path.join(ROOT, "build", "afnet"), help="the program (build/afnet)")
    options = parser.parse_args(arguments)
    for name in ("networks", "engines", "dtypes"):  # each once
        setattr(options, name, list(dict.fromkeys(getattr(options, name))))
    if options.size % 32:
        parser.error(f"--size {options.size}: a multiple of 32 expected")
    if options.frames > 256:
        parser.error(f"--frames {options.frames}: at most 256")
    if options.quick:
        options.rounds, options.runs = 1, 2
    return options


def cpu_features():
    for line in open("/proc/cpuinfo"):
        if line.startswith("flags"):
            flags = set(line.split())
            return [feature for feature in CPU_FEATURES if feature in flags]
    return []


def print_tables(comparison, options):
    machine, rows = comparison.machine, comparison.rows
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions().items())
    print(f"{machine.get('cpu', 'unknown CPU')} ({', '.join(cpu_features())}), {options.threads} threads, "
          f"{machine.get('target', '')}, {options.frames} frames of {options.size}x{options.size}, "
          f"{options.rounds} rounds of {options.runs} runs; {versions}\n")
    tables = [report.ratio_table, report.fastest_table, report.gain_table]
    if (options.frames, options.size) == report.PUBLISHED_SHAPE:
        tables.append(report.published_table)
    print("\n\n".join(text for text in (table(rows) for table in tables) if text))
    checked = [row for row in rows if row["difference"] is not None]
    for dtype in ("f32", "bf16"):
        worst = max((row["difference"] for row in checked if row["dtype"] == dtype), default=None)
        if worst is not None:
            print(f"\nLargest difference of a peer's {dtype} scores from afnet's: {worst:.1e} of the largest score.")


def write_json(comparison, options):
    document = {"machine": {**comparison.machine, "cpu_features": cpu_features(), "threads": options.threads,
                            "packages": environment.versions()},
                "frames": options.frames, "size": options.size, "rounds": options.rounds, "runs": options.runs,
                "rows": [{**row, "rounds": [row["rounds"][n] for n in sorted(row["rounds"])]}
                         for row in comparison.rows]}
    partial = f"{options.json}.{os.getpid()}"
    with open(partial, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    os.replace(partial, options.json)


def main():
    options = parse()
    end_cleanly_on_signals()
    if not os.access(options.afnet, os.X_OK):
        say(f"{options.afnet}: no such program; build first: scripts/build")
        return 1
    if options.json and not os.access(os.path.dirname(os.path.abspath(options.json)), os.W_OK):
        say(f"{options.json}: its folder is not there or cannot be written")  # now, not in an hour
        return 1
    try:
        python = environment.peer_python(os.path.join(ROOT, "build", "peers"))
    except environment.EnvironmentFailed as error:
        say(error)
        return 1
    comparison = Comparison(options, python, os.path.join(ROOT, "build", "peers-models"))
    for section in participants.sections(options.networks, options.engines):
        try:
            comparison.section(section)
        except AfnetFailed as error:
            comparison.fail(f"afnet {section.title}", error)
    print_tables(comparison, options)
    if options.json:
        try:
            write_json(comparison, options)
        except OSError as error:
            comparison.fail(options.json, error.strerror)
    if comparison.failures:
        say("failed: " + ", ".join(comparison.failures))
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
