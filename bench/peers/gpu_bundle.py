"""What scripts/bench-gpu needs, as one archive for a machine with a GPU and nothing of the project: a program without
FFmpeg, the kernels, a reference case and these scripts, in the folders that they have here."""
import os
import shutil
import subprocess
import tarfile
import tempfile

import gpu_report

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST_BYTES = 60 << 20
NAME = "bench-gpu"
SCRIPTS = ["scripts/bench-gpu"] + [f"bench/peers/{name}.py" for name in (
    "afnet_program", "gpu", "gpu_bundle", "gpu_report", "gpu_torch", "mobilenetv3", "networks", "recipe", "resnet")]


class Unbundled(Exception):
    """Why there is no archive, and what to do."""


def needed_libraries(program):
    result = subprocess.run(["readelf", "--wide", "--dynamic", program], capture_output=True, text=True)
    if result.returncode != 0:
        raise Unbundled(f"{program}: no program; build the project first: scripts/build")
    return [line.split("[")[1].split("]")[0] for line in result.stdout.splitlines() if "(NEEDED)" in line]


def portable(program):
    """Whether a Linux machine with no more than the C and C++ libraries runs it."""
    return all(name.startswith(("libc.", "libm.", "libgcc_s.", "libstdc++.", "ld-linux"))
               for name in needed_libraries(program))


def build_portable(folder):
    """A program without FFmpeg, images and MPI, by the project's own build."""
    commands = [["cmake", "--preset", "portable"], ["cmake", "--build", folder, "--target", "afnet"]]
    environment = {**os.environ, "PATH": os.path.join(ROOT, ".venv", "bin") + os.pathsep + os.environ.get("PATH", "")}
    for command in commands:
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if result.returncode != 0:
            raise Unbundled(f"{' '.join(command)} failed: {(result.stderr or result.stdout).strip()[-500:]}")
    return os.path.join(folder, "afnet")


def kernel_files(kernels):
    """Of both networks on the GPU and, for the comparison, on every CPU; and those of measurements."""
    names = []
    for name in sorted(os.listdir(kernels)):
        model, _, target = name.rpartition(".")[0].partition(".")
        networks = (gpu_report.DENSE, gpu_report.ADAPTIVE, "resnet50", "af_resnet50")
        if (model in networks and target.startswith(("cuda-", "x86-64"))) or model in ("machine", "preprocess"):
            names.append(name)
    if not any(".cuda-" in name for name in names):
        raise Unbundled(f"{kernels}: no kernels for cuda-80; build the project first: scripts/build")
    return names


def write(path, case, program=None):
    """Writes the archive to `path`, and returns its bytes. Without `program` a portable one is built."""
    build = os.path.join(ROOT, "build")
    if program is None:
        program = build_portable(os.path.join(build, "portable"))
    elif not portable(program):
        raise Unbundled(f"{program} needs more than the C and C++ libraries; leave --program out, and one is built")
    files = [(program, "build/afnet"), (case, os.path.relpath(case, ROOT))]
    files += [(os.path.join(ROOT, name), name) for name in SCRIPTS]
    kernels = os.path.join(build, "kernels")
    files += [(os.path.join(kernels, name), f"build/kernels/{name}") for name in kernel_files(kernels)]
    folder = os.path.dirname(os.path.abspath(path))
    try:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            archive = os.path.join(scratch, "archive")
            with tarfile.open(archive, "w:gz") as tar:
                for source, name in files:
                    tar.add(source, f"{NAME}/{name}")
            size = os.path.getsize(archive)
            if size > MOST_BYTES:
                raise Unbundled(f"{path} would have {size >> 20} MiB; {MOST_BYTES >> 20} at most")
            shutil.move(archive, path)
    except OSError as error:
        raise Unbundled(f"{path}: {error.strerror}; name a folder that can be written to") from error
    return size
