"""A comparison as it runs: peers are opened and checked, take turns with afnet, and become rows."""
import os
import subprocess
import sys

import afnet_program
import participants
import report
from afnet_program import AfnetFailed
from processes import PeerFailed, PeerProcess, available_memory_mib, busy_share

FOLDER = os.path.dirname(os.path.abspath(__file__))
EXPORT_SOURCES = ("export.py", "layers.py", "mobilenetv3.py", "networks.py", "recipe.py", "resnet.py")
LOAD_SECONDS, TURN_SECONDS = 600, 600
LEAST_MEMORY_MIB = 2000  # for one more process
BUSY = 0.1               # of all processors, by others: from here on times are doubtful


def say(text):
    print(f"bench-peers: {text}", file=sys.stderr)


class Comparison:
    """All sections, one after the other. `rows` are the results, `failures` the names of peers that failed."""

    def __init__(self, options, python, folder):
        """`folder` gets exported networks, what peers computed, and their logs."""
        self.options, self.python, self.models = options, python, folder
        os.makedirs(folder, exist_ok=True)
        self.machine, self.rows, self.failures = {}, [], []

    def fail(self, name, error):
        say(f"{name}: {error}")
        self.failures.append(name)

    def model(self, network):
        """The network as ONNX; written again when what makes it has changed."""
        path = os.path.join(self.models, f"{network}.t{self.options.frames}.s{self.options.size}.onnx")
        sources = [os.path.join(FOLDER, name) for name in EXPORT_SOURCES]
        if not os.path.exists(path) or os.path.getmtime(path) < max(map(os.path.getmtime, sources)):
            say(f"exporting {network}")
            result = subprocess.run([self.python, os.path.join(FOLDER, "export.py"), "--network", network, "--frames",
                                     str(self.options.frames), "--size", str(self.options.size), "--output", path],
                                    capture_output=True, text=True)
            if result.returncode != 0:
                raise PeerFailed("the export to ONNX failed: " + "".join(result.stderr.strip().splitlines()[-1:]))
        return path

    def open(self, peer, log):
        """Starts a peer and checks its scores. Gives the process and each ratio's difference. Throws PeerFailed."""
        if available_memory_mib() < LEAST_MEMORY_MIB:
            raise PeerFailed(f"not started: {available_memory_mib()} MiB of memory left; try fewer --engines")
        o = self.options
        model = self.model(peer.network) if peer.engine in participants.NEEDS_ONNX else "none"
        cases = os.path.join(self.models, peer.name.replace(" ", "."))
        command = [self.python, os.path.join(FOLDER, "worker.py"), "--engine", peer.engine, "--network", peer.network,
                   "--form", peer.form, "--model", model, "--cases", cases, "--threads", str(o.threads), "--frames",
                   str(o.frames), "--size", str(o.size), "--rt", *map(str, peer.ratios)]
        process = PeerProcess(command, peer.name, log)
        try:
            ready = process.answer(LOAD_SECONDS)
            tolerance = participants.TOLERANCES[participants.dtype(peer.engine)]
            differences = {}
            for rt in peer.ratios:
                differences[rt] = afnet_program.difference(o.afnet, ready["cases"][str(rt)], o.threads)
                if not differences[rt] <= tolerance:
                    raise PeerFailed(f"its scores differ from afnet's by {differences[rt]:.1e} of the largest at "
                                     f"RT {rt:g}; at most {tolerance:.0e} expected")
        except BaseException:
            process.close()
            raise
        return process, differences, ready["remark"]

    def section(self, section):
        say(f"{section.title}: loading {len(section.peers)} peers")
        opened, rows = [], []
        log_path = os.path.join(self.models, f"{section.title}.log")
        with open(log_path, "wb") as log:
            try:
                for peer in section.peers:
                    try:
                        process, differences, remark = self.open(peer, log)
                    except (PeerFailed, AfnetFailed) as error:
                        self.fail(peer.name, error)
                        rows += [self.peer_row(peer, rt, error=str(error)) for rt in peer.ratios]
                        continue
                    mine = [self.peer_row(peer, rt, difference=differences[rt], remark=remark) for rt in peer.ratios]
                    opened.append((peer, process, mine))
                    rows += mine
                ours = self.rounds(section, opened)
            finally:
                for _, process, _ in opened:
                    process.close()
        self.summarize(ours, rows)
        self.rows += ours + rows

    def rounds(self, section, opened):
        network, ratios = section.ours
        ours = [self.row(network, "afnet", dtype, "dense", rt) for dtype in self.options.dtypes for rt in ratios]
        running = list(opened)
        for number in range(self.options.rounds):
            busy = busy_share()
            if busy > BUSY:
                say(f"warning: others use {100 * busy:.0f} % of the processors; times will be too long")
            say(f"{section.title}: round {number + 1}/{self.options.rounds}")
            turns = [lambda dtype=dtype: self.our_turn(ours, network, ratios, dtype, number)
                     for dtype in self.options.dtypes]
            turns += [lambda entry=entry: self.peer_turn(running, entry, number) for entry in running]
            for turn in turns if number % 2 == 0 else reversed(turns):
                turn()
        return ours

    def our_turn(self, ours, network, ratios, dtype, number):
        timed, machine = afnet_program.bench(self.options.afnet, network, ratios, self.options, dtype)
        self.machine = machine
        mine = [row for row in ours if row["dtype"] == dtype]
        for row, measured in zip(mine, timed, strict=True):
            row["rounds"][number] = {"ms_median": measured["ms_median"], "ms_p95": measured["ms_p95"]}
            row["gmac"] = measured["gmac"]

    def peer_turn(self, running, entry, number):
        peer, process, rows = entry
        try:
            for row in rows:
                ms = process.time(row["rt"], self.options.runs, TURN_SECONDS)
                row["rounds"][number] = {"ms_median": report.median(ms), "ms_p95": report.p95(ms)}
        except PeerFailed as error:
            self.fail(peer.name, error)
            running.remove(entry)
            process.close()
            for row in rows:
                row["error"] = str(error)

    def row(self, network, engine, dtype, form, rt, **fields):
        return {"network": network, "engine": engine, "dtype": dtype, "form": form, "rt": rt,
                "realised_rt": sum(participants.spread_mask(self.options.frames, rt)) / self.options.frames,
                "ms_median": None, "ms_p95": None, "gmac": None, "ratios": {}, "difference": None, "remark": "",
                "error": None, "rounds": {}, **fields}

    def peer_row(self, peer, rt, **fields):
        row = self.row(peer.network, peer.engine, participants.dtype(peer.engine), peer.form, rt, **fields)
        row["against"], row["against_rt"] = peer.against, peer.against_rt
        return row

    def summarize(self, ours, rows):
        """Medians, ratios to ours in the same rounds, and each program's own gain."""
        for row in ours + rows:
            if row["rounds"]:
                row.update(report.of_rounds(list(row["rounds"].values())))
        for row in rows:
            for mine in ours:
                wanted = row["against_rt"] or (None if row["form"] == "dense" else row["rt"])
                if wanted is not None and mine["rt"] != wanted:
                    continue
                value = report.ratio(row["rounds"], mine["rounds"])
                if value is not None:
                    label = f"RT {mine['rt']:g}" if participants.BLOCKS[mine["network"]] else mine["network"]
                    row["ratios"][label + ("" if mine["dtype"] == "f32" else " " + mine["dtype"])] = value
        gmac = {row["rt"]: row["gmac"] for row in ours}
        for row in ours + rows:
            self.own_gain(row, ours if row["engine"] == "afnet" else rows, gmac)

    @staticmethod
    def own_gain(row, all_rows, gmac):
        if row["engine"] == "afnet":
            dense = next((r for r in all_rows if r["rt"] == 1 and r["dtype"] == row["dtype"]), None)
            wanted = row["rt"] != 1
        else:
            dense = next((r for r in all_rows if r["network"] == row["network"] and r["engine"] == row["engine"]
                          and r["form"] == "dense"), None)
            wanted = row["form"] == "gather"
        speedup = report.ratio(dense["rounds"], row["rounds"]) if wanted and dense else None
        if speedup is None or not gmac.get(1.0) or not gmac.get(row["rt"]):
            return
        row["own_speedup"], row["theory_speedup"] = speedup, gmac[1.0] / gmac[row["rt"]]
        row["share"] = report.share(speedup, 1, gmac[1.0], gmac[row["rt"]])
