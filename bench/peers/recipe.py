"""The closed-form weights and input of tests/golden/README.md in numpy, and reference-vector cases.

`afnet` draws a shipped model's weights and the bench's clip by the same recipe with seed 1, so that no file with
weights has to pass between the programs.
"""
import json
import math
import struct

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def fnv1a64(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def uniform(name, count, seed):
    """The first `count` numbers in [0, 1) of a name's stream, in double."""
    start = np.uint64((fnv1a64(name) + seed * GOLDEN) & MASK)
    z = start + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)  # modulo 2^64
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def parameter(key, shape, seed=1, gain=1.0):
    """A parameter by its state_dict key and PyTorch shape."""
    u = uniform(key, math.prod(shape), seed)
    kind = key.rsplit(".", 1)[-1]
    if kind == "weight" and len(shape) >= 2:
        u = (2 * u - 1) * (gain * math.sqrt(6 / math.prod(shape[1:])))
    elif kind == "weight":
        u = 0.5 + 0.5 * u
    elif kind == "bias":
        u = 0.4 * (u - 0.5)
    elif kind == "running_mean":
        u = 0.2 * (u - 0.5)
    elif kind == "running_var":
        u = 0.5 + u
    else:
        raise ValueError(f"{key} is not a weight, bias or running statistic")
    return u.astype(np.float32).reshape(shape)


def video(batch, frames, height, width, seed=1):
    """Normalised clips [b, t, c, y, x]."""
    b, t, c = np.meshgrid(np.arange(batch), np.arange(frames), np.arange(3), indexing="ij")
    b, t, c = (a[..., None, None] for a in (b, t, c))
    y, x = np.arange(height)[:, None], np.arange(width)[None, :]
    angle = 0.9 * c + 0.37 * t + 0.5 * b + 0.1 * seed
    phase = 0.35 * (1 + 0.3 * t) * (x * np.cos(angle) + y * np.sin(angle)) * 32.0 / width + 0.8 * t
    level = 0.4 + 0.15 * ((5 * t + 3 * b + seed) % 7)
    noise = uniform("video", batch * frames * 3 * height * width, seed).reshape(phase.shape) - 0.5
    return (level * np.sin(phase) + 0.5 * noise).astype(np.float32)


def write_case(path, case, tensors):
    """A reference-vector case (docs/formats.md): what another program computed, for `afnet verify`."""
    header, position = {"__metadata__": {"case": json.dumps(case)}}, 0
    arrays = {name: np.ascontiguousarray(values, dtype="<f4") for name, values in tensors.items()}
    for name, values in arrays.items():
        begin, position = position, position + values.nbytes
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [begin, position]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in arrays.values():
            file.write(values.tobytes())


def read_case(path):
    """(case, tensors) of a case file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    case = json.loads(header.pop("__metadata__")["case"])
    types = {"F32": "<f4", "F64": "<f8", "U8": "u1", "I32": "<i4", "I64": "<i8", "BOOL": "u1"}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return case, tensors
