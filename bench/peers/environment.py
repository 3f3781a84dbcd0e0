"""The Python environment of the peers: exact versions, made once in build/peers."""
import glob
import os
import platform
import subprocess
import sys

import cuda_stand_ins

PACKAGES = (
    "numpy==2.4.6",
    "torch==2.15.0", "typing_extensions==4.16.0", "sympy==1.14.0", "mpmath==1.3.0", "filelock==4.2.12",
    "fsspec==2026.9.0", "networkx==3.6.1", "jinja2==3.1.6", "markupsafe==3.0.4",
    "onnx==1.23.2", "protobuf==7.36.2", "ml_dtypes==0.6.0",
    "onnxruntime==1.32.0", "flatbuffers==25.12.19", "packaging==26.3",
    "openvino==2026.4.1", "openvino-telemetry==2025.2.0",
)
SHOWN = ("torch", "onnxruntime", "openvino", "onnx", "numpy")  # in results


class EnvironmentFailed(Exception):
    pass


def versions():
    pairs = dict(package.split("==") for package in PACKAGES)
    return {name: pairs[name] for name in SHOWN}


def run(command, what):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    if result.returncode != 0:
        last = "\n".join(result.stdout.strip().splitlines()[-5:])
        raise EnvironmentFailed(f"could not {what}; is a Python package index reachable, and is the disk full?\n{last}")


def install(folder):
    python = os.path.join(folder, "bin", "python")
    print(f"bench-peers: making {folder} (1.7 GB; a download of 700 MB)", file=sys.stderr)
    run(["/usr/bin/python3", "-m", "venv", "--clear", folder], "make a Python environment")
    # Without dependencies: torch names CUDA packages of 3 GB that nothing here calls.
    run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", *PACKAGES],
        "install " + " ".join(PACKAGES))
    for libraries in glob.glob(os.path.join(folder, "lib", "python3*", "site-packages", "torch", "lib")):
        cuda_stand_ins.add_stand_ins(libraries)
    run([python, "-c", "import torch; torch.nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 8, 8))"], "run PyTorch")


def peer_python(folder):
    """The environment's interpreter. Throws EnvironmentFailed."""
    if platform.machine() != "x86_64":
        raise EnvironmentFailed(f"the peers are chosen for x86_64; this is {platform.machine()}")
    stamp, wanted = os.path.join(folder, "installed"), " ".join(PACKAGES)
    if not os.path.exists(stamp) or open(stamp).read() != wanted:
        try:
            install(folder)
        except (OSError, subprocess.CalledProcessError) as error:
            raise EnvironmentFailed(f"could not make the environment of the peers: {error}") from error
        with open(stamp, "w") as file:
            file.write(wanted)
    return os.path.join(folder, "bin", "python")
