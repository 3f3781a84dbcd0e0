"""Trainings, evaluations and measurements of tables: what is there, what is made, and how long it takes."""
import json
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAVIGATION = ("learned", "gumbel")
GMACS_PER_SECOND = {"paper": 60, "small": 15, "smoke": 15}  # forward and backward, for estimates before a first run


def say(text):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def write(path, text):
    with open(path + ".part", "w", encoding="utf-8", newline="") as file:
        file.write(text)
    os.rename(path + ".part", path)


def clip_path(folder, line):
    """Of a list's line `path label` or `path frames label`; a path may have spaces."""
    shorter, longer = (os.path.join(folder, line.rsplit(None, fields)[0]) for fields in (2, 1))
    return longer if os.path.exists(longer) else shorter


class Bench:
    """Where the program, the data and the results are, and how to come by them."""

    def __init__(self, options, tables):
        self.options, self.tables = options, tables
        self.out = os.path.abspath(options.out)
        self.scale = "paper" if options.data else options.scale
        self.compiled = set()
        for folder in ("runs", "results", "models"):
            os.makedirs(os.path.join(self.out, folder), exist_ok=True)

    def call(self, arguments, log=None):
        """Standard output; raises CalledProcessError. What the program says goes to the end of `log`."""
        started = time.monotonic()
        with open(log or "/dev/stderr", "ab") as errors:
            # In a session of its own, a training gets no Ctrl-C but the one that it is told of, and saves.
            child = subprocess.Popen([self.options.afnet, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=errors, text=True, start_new_session=True)
            try:
                printed, _ = child.communicate()
            except KeyboardInterrupt:
                child.terminate()
                child.wait()
                raise
        if log:
            line = {"command": arguments[0], "status": child.returncode, "seconds": time.monotonic() - started}
            with open(log[:-len(".log")] + ".times.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, [self.options.afnet, *arguments])
        return printed

    def path(self, run, seed, end=""):
        return os.path.join(self.out, "runs", run.name, f"seed{seed}") + end

    def results(self, run, seed, masks):
        return os.path.join(self.out, "results", f"{run.name}.seed{seed}.{masks}.json")

    def result(self, run, seed, masks):
        try:
            with open(self.results(run, seed, masks), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    # Data and kernels.

    def synthetic(self, name, frames, part):
        """The list of a procedural data set, made where it is missing."""
        shape = self.tables["synthetic"][name]
        clips = self.tables["scales"][self.scale]["clips"][name][part]
        folder = shape["folder"] + ("_train", "_val")[part] + ("" if frames == 8 else f"_f{frames}")
        folder += "" if self.scale == "small" else "_" + self.scale
        folder = os.path.join(os.path.abspath(self.options.synthetic or os.path.join(self.out, "data")), folder)
        if not os.path.exists(os.path.join(folder, "list.txt")):
            say(f"{clips} clips of {name}, {frames} frames")
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            self.call(["synth", "--dataset", name, "--clips", str(clips), "--seed", ("1", "1001")[part], "--frames",
                       str(frames), "--out", folder + ".part", "--force", "--quiet"])
            os.rename(folder + ".part", folder)
        return os.path.join(folder, "list.txt")

    def lists(self, run):
        if self.scale == "paper":
            return run.data
        return self.synthetic(*run.data, 0), self.synthetic(*run.data, 1)

    def model(self, name):
        """A shipped model's name, or the file of a description."""
        described = {x["name"]: x for x in self.tables["stand_ins"].values() if isinstance(x, dict)}
        if name not in described or self.scale == "paper":
            return name
        path = os.path.join(self.out, "models", name + ".json")
        if not os.path.exists(path):
            write(path, json.dumps(described[name]) + "\n")
        return path

    def compile(self, name):
        """Kernels of a model and of its training, where the build has none."""
        if name in self.compiled or name in ("af_tiny", "af_tiny_tsm"):
            return
        say(f"kernels of {name}")
        self.call(["compile", "--model", self.model(name), "--train", self.model(name), "--quiet"])
        self.compiled.add(name)

    # Trainings.

    def do(self, run, seed, masks):
        """Trains and evaluates, as far as that is not done yet. The last weights are taken: no clip of the evaluation
        chooses an epoch."""
        missing = [way for way in masks if self.result(run, seed, way) is None]
        if not missing:
            return
        started = time.monotonic()
        say(f"{run.name}, seed {seed}")
        self.compile(run.model)
        train, val = self.lists(run)
        folder, log = self.path(run, seed), self.path(run, seed, ".log")
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        threads = ["--threads", str(self.options.threads)]
        self.call(["train", "--model", self.model(run.model), *run.arguments, "--data", train, "--seed", str(seed),
                   "--out", folder, "--resume", "auto", *threads], log)
        # Of a network with masks in space policies choose patches.
        ratio = ["--rt", str(run.rt)] if run.rs is None else ["--rs", str(run.rs)]
        ratio = ratio if any(way not in (*NAVIGATION, "all") for way in missing) else []
        lines = self.call(["eval", os.path.join(folder, "last.safetensors"), "--data", val, "--masks", *missing, *ratio,
                           "--mask-seed", str(seed), "--json", "--quiet", *threads], log).splitlines()
        for line in lines:
            write(self.results(run, seed, json.loads(line)["masks"]), line + "\n")
        say(f"{run.name}, seed {seed}: done in {time.monotonic() - started:.0f} s")

    def picture(self, run, seed, pictures):
        """Contact sheets of the first clips of the evaluation."""
        folder = self.path(run, seed, ".pictures")
        _, val = self.lists(run)
        os.makedirs(folder, exist_ok=True)
        with open(val, encoding="utf-8") as file:
            lines = [line for line in file if line.strip()][:pictures["clips"]]
        clips = [clip_path(os.path.dirname(val), line) for line in lines]
        blocks = list(self.result(run, seed, "learned")["block_rt"])
        for i, clip in enumerate(clips):
            target = os.path.join(folder, f"{i}.png")
            if not os.path.exists(target):
                self.call(["classify", clip, "--model", os.path.join(self.path(run, seed), "last.safetensors"),
                           "--picture", target, "--block", blocks[pictures["block"]], "--quiet"])
        return [os.path.relpath(os.path.join(folder, f"{i}.png"), self.out) for i in range(len(clips))]

    def seconds(self, run):
        """What a training is expected to take: as others of this folder took, else by its MACs."""
        taken = []
        for folder, _, files in os.walk(os.path.join(self.out, "runs")):
            for name in (name for name in files if name.endswith(".times.jsonl")):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    lines = [json.loads(line) for line in file]
                done = [line for line in lines if line["status"] == 0 and line["command"] == "eval"]
                if done:
                    taken.append(sum(line["seconds"] for line in lines))
        if taken:
            return statistics.median(taken)
        shipped = run.model if self.model(run.model) == run.model else "af_tiny"  # descriptions are about as large
        info = json.loads(self.call(["info", "--json", "--model", shipped]))["model"]["macs"]["conv"]
        return 3 * self.clips(run) * info["per_clip"] / 1e9 / GMACS_PER_SECOND[self.scale]

    def clips(self, run):
        """How many a training sees."""
        def option(name, otherwise):
            return int(run.arguments[run.arguments.index(name) + 1]) if name in run.arguments else otherwise
        if self.scale == "paper":
            with open(run.data[0], encoding="utf-8") as file:
                return option("--epochs", 0) * sum(1 for line in file if line.strip())
        with open(run.arguments[run.arguments.index("--config") + 1], encoding="utf-8") as file:
            stages = json.load(file)["stages"]
        return sum(option("--steps", stage["steps"]) * option("--batch", stage["batch"]) for stage in stages)


def measured_rows(bench, table):
    """Of a table of latencies: by the bench of whole networks, all in one call."""
    rows = {}
    wanted = [row for row in table["rows"] if row.get("model")]
    path = os.path.join(bench.out, "results", f"latency.{bench.scale}.json")
    if not os.path.exists(path) and not bench.options.table:
        say("measuring " + ", ".join(row["model"] for row in wanted))
        rounds = ["--rounds", "2"] if bench.scale == "smoke" else []
        size = 64 if bench.scale == "smoke" else table["size"]
        write(path, bench.call(["bench", "network", "--model", *(row["model"] for row in wanted), "--rt",
                                *sorted({str(row["rt"]) for row in wanted}), "--frames", str(table["frames"]), "--size",
                                str(size), *rounds, "--threads", str(bench.options.threads), "--json"]))
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        for row in wanted:
            rows[row["name"]] = next((x for x in document["rows"] if x["model"] == row["model"] and
                                      (x["mask"] == "none" or abs(x["rt"] - row["rt"]) < 1e-6)), None)
    return rows
