"""What the bench asks of `afnet`: its own times, and whether a peer's scores are the same."""
import json
import subprocess


class AfnetFailed(Exception):
    pass


def run(command):
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        raise AfnetFailed(f"{command[0]}: {error.strerror}; build first: scripts/build") from error
    return result


def message(result):
    lines = result.stderr.strip().splitlines()
    return lines[-1] if lines else f"status {result.returncode}"


def bench(program, network, ratios, options, dtype="f32"):
    """One turn: (rows in the order of `ratios`, machine)."""
    command = [program, "bench", "network", "--json", "--quiet", "--model", network, "--rt", *map(str, ratios),
               "--frames", str(options.frames), "--size", str(options.size), "--threads", str(options.threads),
               "--rounds", str(options.runs), "--seconds", "3600"]
    if dtype != "f32":
        command += ["--dtype", dtype]
    result = run(command)
    if result.returncode != 0:
        raise AfnetFailed(f"afnet bench network --model {network}: {message(result)}")
    document = json.loads(result.stdout)
    return document["rows"], document["machine"]


def difference(program, case, threads):
    """The largest difference of a case's scores of the clip from afnet's, over their largest magnitude."""
    result = run([program, "verify", "--json", "--threads", str(threads), case])
    try:
        report = json.loads(result.stdout)
    except json.JSONDecodeError:
        raise AfnetFailed(f"afnet verify {case}: {message(result)}") from None
    if report["status"] == "error":
        raise AfnetFailed(report["error"])
    scores = next(tensor for tensor in report["tensors"] if tensor["name"] == "clip_logits")
    if not scores["passed"] and scores["max_relative"] <= scores["tolerance"]:  # no number says what is wrong
        raise AfnetFailed(f"afnet verify {case}: clip_logits {scores['remark']}")
    return scores["max_relative"]
