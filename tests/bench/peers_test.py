"""Tests of bench/peers: arithmetic, processes and failures with stand-ins for afnet and the engines. Needs the standard
library only; where build/peers exists, also the networks against the reference vectors.
"""
import contextlib
import ctypes
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench", "peers"))

import compare  # noqa: E402
import cuda_stand_ins  # noqa: E402
import gpu  # noqa: E402
import gpu_report  # noqa: E402
import participants  # noqa: E402
import report  # noqa: E402
from comparison import Comparison  # noqa: E402
from processes import PeerFailed, PeerProcess  # noqa: E402

# Says that it is ready, then answers every line with three times; a ratio of 9 kills it, 8 is an error.
WORKER = """
import json, os, signal, sys
print(json.dumps({"cases": {}, "remark": ""}), flush=True)
for line in sys.stdin:
    rt, runs = line.split()
    if rt == "9.0":
        os.kill(os.getpid(), signal.SIGKILL)
    print(json.dumps({"error": "no such ratio"} if rt == "8.0" else {"ms": [float(rt)] * int(runs)}), flush=True)
"""

# `afnet` on a GPU without cuDNN's tf32: 10 ms densely and 5 ms at other ratios; 8 and 4 by vendors' kernels.
GPU_AFNET = """#!/usr/bin/python3
import json, sys
vendor = sys.argv[sys.argv.index("--vendor-kernels") + 1] if "--vendor-kernels" in sys.argv else "never"
if vendor == "tf32":
    sys.exit("afnet: no cuDNN")
ms = 10 if vendor == "never" else 8
if sys.argv[2] == "network":
    first = sys.argv.index("--rt") + 1
    ratios = [float(rt) for rt in sys.argv[first:sys.argv.index("--frames")]]
    print(json.dumps({"rows": [{"rt": rt, "ms_median": ms if rt == 1 else ms / 2, "samples": 40,
                                "mac_ratio": 1 if rt == 1 else 2} for rt in ratios]}))
elif sys.argv[2] == "sparsity":
    print(json.dumps({"rows": [{"model": "af", "batch": 1, "mask": "spread", "realised_rt": 0.4, "ms_median": 5,
                                "speedup_measured": 1.4, "speedup_theory": 1.8, "share": 0.5, "share_macs": None}]}))
elif sys.argv[2] == "kernels":
    print(json.dumps({"rows": [{"kernel": "conv", "shape": "shape", "ms_median": ms,
                                "vendor": None if vendor == "never" else "cuDNN f32"}]}))
"""

# `afnet`: 10 ms densely, 5 ms at other ratios; a case differs by what its name says.
AFNET = """#!/usr/bin/python3
import json, sys
if sys.argv[1] == "bench":
    first = sys.argv.index("--rt") + 1
    ratios = [float(text) for text in sys.argv[first:sys.argv.index("--frames")]]
    rows = [{"ms_median": 10 if rt == 1 else 5, "ms_p95": 11, "gmac": 20 * rt + 20} for rt in ratios]
    print(json.dumps({"rows": rows, "machine": {"cpu": "none"}}))
else:
    difference = 0.5 if "onnxruntime" in sys.argv[-1] else 1e-6
    print(json.dumps({"status": "pass", "tensors": [{"name": "clip_logits", "max_relative": difference, "passed": True,
                                                     "tolerance": 2e-5, "remark": ""}]}))
"""

# The peers' interpreter: exports nothing, and runs a worker in which `pytorch-traced` fails to load.
PYTHON = """#!/usr/bin/python3
import json, sys
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
if sys.argv[1].endswith("export.py"):
    open(arguments["--output"], "w").close()
    sys.exit(0)
if arguments["--engine"] == "pytorch-traced":
    print(json.dumps({"error": "cannot trace"}), flush=True)
    sys.exit(1)
ratios = sys.argv[sys.argv.index("--rt") + 1:]
print(json.dumps({"cases": {rt: arguments["--cases"] + rt for rt in ratios}, "remark": "none"}), flush=True)
for line in sys.stdin:
    rt, runs = line.split()
    if arguments["--engine"] == "openvino":
        sys.exit(3)
    print(json.dumps({"ms": [20 * float(rt)] * int(runs)}), flush=True)
"""


def write_program(path, text):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


def state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


class Gpu(unittest.TestCase):
    def test_ratios_are_taken_within_turns(self):
        dense, focal = ("afnet cuda", "resnet50_tsm", 1, 1.0), ("afnet cuda", "af_resnet50_tsm", 1, 0.4)
        turns = [{dense: {"ms_median": a, "samples": 40}, focal: {"ms_median": b, "samples": 40}}
                 for a, b in ((10, 5), (30, 10), (20, 20))]
        rows = gpu_report.summarise(turns)
        self.assertEqual([row["ms"] for row in rows], [20, 10])
        self.assertEqual([row["times_dense"] for row in rows], [1, 2])
        self.assertEqual(rows[1]["samples"], 120)
        self.assertIn("| afnet cuda | af_resnet50_tsm | 1 | 0.40 | 10.000 | 120 | 2.00 |  |",
                      gpu_report.markdown("none", rows))

    def test_share_of_the_macs_gain_is_beside_ratio_1_of_the_same_network(self):
        whole, some = ("afnet cuda", "af_resnet50_tsm", 1, 1.0), ("afnet cuda", "af_resnet50_tsm", 1, 0.4)
        turns = [{whole: {"ms_median": 12, "samples": 1, "mac_ratio": 1},
                  some: {"ms_median": 10, "samples": 1, "mac_ratio": 1.4}}]
        rows = gpu_report.summarise(turns)
        self.assertIsNone(rows[0]["share_macs"])
        self.assertAlmostEqual(rows[1]["share_macs"], 0.5)

    def test_layers_are_compared_where_both_have_run(self):
        own = [{"kernel": name, "shape": "s", "vendor": None, "ms_median": 2} for name in ("a", "b", "c")]
        vendors = [{"kernel": "a", "shape": "s", "vendor": "cuDNN f32", "ms_median": 1},
                   {"kernel": "b", "shape": "s", "vendor": None, "ms_median": 1},
                   {"kernel": "c", "shape": "another", "vendor": "cuDNN f32", "ms_median": 1}]
        rows = gpu_report.layer_table(own, vendors)
        self.assertEqual([(row["kernel"], row["of_vendor"]) for row in rows], [("a", 0.5)])
        self.assertIn("| a | s | 2.0000 | cuDNN f32 | 1.0000 | 0.50 |", gpu_report.markdown("none", [], (), rows))

    def test_all_of_it_with_a_library_that_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            program = write_program(os.path.join(folder, "afnet"), GPU_AFNET)
            said, out, path = io.StringIO(), io.StringIO(), os.path.join(folder, "result.json")
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(out):
                status = gpu.main(["--program", program, "--python", "/nonexistent", "--turns", "2", "--batch", "1",
                                   "--vendor-kernels", "never", "f32", "tf32", "--json", path])
            self.assertEqual(status, 0)
            self.assertIn("bench-gpu: --vendor-kernels tf32: afnet: no cuDNN\n", said.getvalue())
            self.assertIn("rows of fewer than 100 runs", said.getvalue())
            self.assertIn("| afnet cuda | af_resnet50_tsm | 1 | 0.40 | 5.000 | 80 | 2.00 | 1.00 |", out.getvalue())
            self.assertIn("| afnet cuda, vendors' f32 | resnet50_tsm | 1 | 1.00 | 8.000 |", out.getvalue())
            self.assertIn("| af | 1 | spread | 0.400 | 5.000 | 1.40 | 1.80 | 0.50 |  |", out.getvalue())
            self.assertIn("| conv | shape | 10.0000 | cuDNN f32 | 8.0000 | 0.80 |", out.getvalue())
            with open(path, encoding="utf-8") as file:
                result = json.load(file)
            self.assertEqual(len(result["turns"]), 2)
            self.assertEqual({row["engine"] for row in result["rows"]},
                             {"afnet cuda", "afnet cuda, vendors' f32", "afnet cpu"})

    def test_no_archive_of_a_program_that_needs_more_than_it_has(self):
        with tempfile.TemporaryDirectory() as folder:
            archive, said = os.path.join(folder, "archive.tar.gz"), io.StringIO()
            with contextlib.redirect_stderr(said):
                self.assertEqual(gpu.main(["--bundle", archive, "--program", write_program(
                    os.path.join(folder, "afnet"), "#!/bin/sh\n")]), 1)
            self.assertIn("no program; build the project first", said.getvalue())
            self.assertFalse(os.path.exists(archive))

    def test_refuses_without_a_gpu_in_the_words_of_afnet(self):
        with tempfile.TemporaryDirectory() as folder:
            program = write_program(os.path.join(folder, "afnet"),
                                    "#!/bin/sh\necho 'afnet: no CUDA: no driver; install it' >&2\nexit 1\n")
            said = io.StringIO()
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()) as out:
                self.assertEqual(gpu.main(["--program", program]), 1)
            self.assertEqual(said.getvalue(), "bench-gpu: afnet: no CUDA: no driver; install it\n")
            self.assertEqual(out.getvalue(), "")


class Arithmetic(unittest.TestCase):
    def test_masks_are_those_of_bench_network(self):
        self.assertEqual(participants.spread_mask(12, 0.4), [0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1])
        self.assertEqual(participants.spread_mask(3, 0.5), [0, 1, 1])  # half a frame rounds up
        for frames in (1, 7, 12):
            self.assertEqual(sum(participants.spread_mask(frames, 0)), 0)
            self.assertEqual(sum(participants.spread_mask(frames, 1)), frames)

    def test_ratio_is_taken_within_rounds(self):
        theirs = {n: {"ms_median": ms} for n, ms in enumerate((10, 30, 20))}
        ours = {n: {"ms_median": ms} for n, ms in enumerate((5, 10, 20))}
        self.assertEqual(report.ratio(theirs, ours), 2)  # of 2, 3, 1; not 20 / 10 of the medians by chance
        self.assertEqual(report.ratio({0: {"ms_median": 6}}, ours), 1.2)
        self.assertIsNone(report.ratio({}, ours))

    def test_p95_and_share(self):
        self.assertEqual(report.p95(list(range(1, 101))), 95)
        self.assertEqual(report.p95([3, 1, 2]), 3)
        self.assertAlmostEqual(report.share(120, 100, 30, 20), 0.4)
        self.assertLess(report.share(90, 100, 30, 20), 0)
        self.assertIsNone(report.share(100, 100, 30, 30))

    def test_sections(self):
        static, adaptive = participants.sections(["resnet50_tsm", "af_resnet50_tsm"], list(participants.ENGINES))
        self.assertNotIn("pytorch-unfolded", [peer.engine for peer in static.peers])
        names = [peer.name for peer in adaptive.peers]
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("resnet50 openvino", names)
        self.assertIn("af_resnet50_tsm pytorch gather", names)
        self.assertEqual(adaptive.ours, ("af_resnet50_tsm", (1.0, 0.4)))


class Processes(unittest.TestCase):
    def setUp(self):
        self.peer = PeerProcess([sys.executable, "-c", WORKER], "peer", None)
        self.addCleanup(self.peer.close)
        self.peer.answer(30)

    def test_runs_only_while_it_answers(self):
        self.assertEqual(state(self.peer.process.pid), "T")
        self.assertEqual(self.peer.time(2.0, 3, 30), [2.0] * 3)
        self.assertEqual(state(self.peer.process.pid), "T")

    def test_a_stopped_process_ends(self):
        self.peer.close()
        self.assertEqual(self.peer.process.returncode, -9)

    def test_failures(self):
        with self.assertRaisesRegex(PeerFailed, "no such ratio"):
            self.peer.time(8.0, 1, 30)
        with self.assertRaisesRegex(PeerFailed, r"signal 9"):
            self.peer.time(9.0, 1, 30)

    def test_no_answer_in_time(self):
        with self.assertRaisesRegex(PeerFailed, "no answer"):
            self.peer.answer(0.1)


class Runs(unittest.TestCase):
    def compare(self, *arguments):
        """A comparison with stand-ins, and what it said."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        afnet = write_program(os.path.join(folder.name, "afnet"), AFNET)
        python = write_program(os.path.join(folder.name, "python"), PYTHON)
        options = compare.parse(["--afnet", afnet, "--rounds", "2", "--runs", "3", *arguments])
        comparison = Comparison(options, python, os.path.join(folder.name, "models"))
        said, printed = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
            for section in participants.sections(options.networks, options.engines):
                comparison.section(section)
            compare.print_tables(comparison, options)
            options.json = os.path.join(folder.name, "rows.json")
            compare.write_json(comparison, options)
        with open(options.json) as file:
            return comparison, said.getvalue(), printed.getvalue(), json.load(file)

    def test_peers_that_fail_leave_the_others(self):
        comparison, said, printed, document = self.compare("--networks", "resnet50_tsm")
        self.assertEqual(comparison.failures, ["resnet50_tsm pytorch-traced", "resnet50_tsm onnxruntime",
                                               "resnet50_tsm openvino"])
        for part in ("pytorch-traced: cannot trace", "onnxruntime: its scores differ from afnet's by 5.0e-01",
                     r"openvino: ended without an answer (status 3)"):
            self.assertIn(part, said)
        rows = {row["engine"]: row for row in document["rows"]}
        self.assertEqual(rows["pytorch"]["ratios"], {"resnet50_tsm": 2})
        self.assertEqual(rows["pytorch"]["ms_median"], 20)
        self.assertEqual(len(rows["pytorch"]["rounds"]), 2)
        self.assertIsNone(rows["openvino"]["ms_median"])
        self.assertIn("| resnet50_tsm | PyTorch eager | 20.0 | 20.0 | 2.00x (resnet50_tsm) |", printed)
        self.assertIn("| failed: cannot trace |", printed)
        for line in printed.splitlines():
            self.assertIn(line.count("|"), (0, 6, 7))

    def test_gains(self):
        _, _, printed, document = self.compare("--networks", "af_resnet50_tsm",
                                               "--engines", "pytorch", "openvino-bf16")
        rows = {(row["network"], row["engine"], row["form"], row["rt"]): row for row in document["rows"]}
        self.assertEqual(rows["resnet50", "openvino-bf16", "dense", 1]["ratios"], {"RT 0.4": 4})
        self.assertEqual(rows["af_resnet50_tsm", "pytorch", "dense", 0.4]["ratios"], {"RT 1": 0.8, "RT 0.4": 1.6})
        gather = rows["af_resnet50_tsm", "pytorch", "gather", 1]
        self.assertEqual((gather["ratios"], gather["own_speedup"], gather["share"]), ({"RT 1": 2}, 0.4, None))
        afnet = rows["af_resnet50_tsm", "afnet", "dense", 0.4]
        self.assertAlmostEqual(afnet["share"], (2 - 1) / (40 / 28 - 1))
        self.assertIn("| AFNet-TSM, RT .4 | 32 / 422 | 8.0 | 8.0 | 5.0 |", printed)


class CommandLine(unittest.TestCase):
    def run_script(self, *arguments):
        return subprocess.run([os.path.join(ROOT, "scripts", "bench-peers"), *arguments], capture_output=True,
                              text=True)

    def test_mistakes(self):
        for arguments in (["--rounds", "0"], ["--networks", "vgg"], ["--engines"], ["--size", "100"], ["--nosuch"]):
            run = self.run_script(*arguments)
            self.assertEqual((run.returncode, run.stdout), (2, ""), arguments)
            self.assertIn("error: ", run.stderr)

    def test_nothing_is_built(self):
        run = self.run_script("--afnet", "/nowhere/afnet")
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertEqual(run.stderr, "bench-peers: /nowhere/afnet: no such program; build first: scripts/build\n")

    def test_results_that_could_not_be_written(self):
        run = self.run_script("--afnet", "/bin/true", "--json", "/nowhere/rows.json")
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("/nowhere/rows.json: its folder", run.stderr)


class StandIns(unittest.TestCase):
    def test_a_library_loads_without_what_it_is_linked_with(self):
        with tempfile.TemporaryDirectory() as folder:
            def build(name, code, *more):
                command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", f"-Wl,-soname,{name}", "-o", f"{folder}/{name}"]
                subprocess.run([*command, *more], input=code, text=True, check=True)

            versions = write_program(f"{folder}/versions", "CUDA_1 { cudaGetDeviceCount; };")
            build("libcudart.so.9", "int cudaGetDeviceCount(void) { return 0; }", f"-Wl,--version-script={versions}")
            build("libnccl.so.9", "int ncclInit(void) { return 0; }")
            build("libtorch_x.so", "int cudaGetDeviceCount(void), ncclInit(void);\n"
                  "int count(void) { return cudaGetDeviceCount() + ncclInit(); }", "-L" + folder, "-l:libcudart.so.9",
                  "-l:libnccl.so.9", "-Wl,-rpath,$ORIGIN")
            for name in ("libcudart.so.9", "libnccl.so.9"):
                os.remove(f"{folder}/{name}")
            self.assertEqual(cuda_stand_ins.add_stand_ins(folder), ["libcudart.so.9", "libnccl.so.9"])
            self.assertEqual(ctypes.CDLL(f"{folder}/libtorch_x.so").count(), 200)


@unittest.skipUnless(os.path.exists(os.path.join(ROOT, "build", "peers", "installed")), "build/peers is not there")
class Networks(unittest.TestCase):
    def test_reference_vectors(self):
        python = os.path.join(ROOT, "build", "peers", "bin", "python")
        run = subprocess.run([python, os.path.join(ROOT, "tests", "bench", "peers_golden.py")], capture_output=True,
                             text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
