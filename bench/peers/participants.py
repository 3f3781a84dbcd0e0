"""Who is timed with whom. Standard library only: this side of the bench runs without the peers' environment."""
import dataclasses

BLOCKS = {  # focal blocks of each network, whose masks are forced
    "resnet50": 0, "resnet50_tsm": 0, "af_resnet50": 10, "af_resnet50_tsm": 10, "af_resnet101": 27,
    "af_resnet101_tsm": 27, "af_mobilenetv3_tsm": 5,
}
DEFAULT_NETWORKS = ("resnet50", "resnet50_tsm", "af_resnet50_tsm", "af_mobilenetv3_tsm")

ENGINES = {  # name -> in words
    "pytorch-unfolded": "PyTorch as the authors' code runs (BatchNorm not folded)",
    "pytorch": "PyTorch eager",
    "pytorch-traced": "PyTorch traced and frozen",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO f32",
    "openvino-bf16": "OpenVINO bf16",
}
FORM_WORDS = {"dense": "", "gather": ", gather-scatter"}
NEEDS_ONNX = ("onnxruntime", "openvino", "openvino-bf16")
GATHER_ENGINES = ("pytorch", "pytorch-traced")

# Differences of the clip's scores from afnet's, over the largest score. f32 is the reference vectors' tolerance; bf16
# keeps 8 bits of a number, and some 50 to 110 roundings lie in a row.
TOLERANCES = {"f32": 2e-5, "bf16": 2e-2}

FORCE = 1e30  # a threshold beyond any gate's margin
RATIO = 0.4   # of frames computed, what the paper's figures are for
BASELINE = "resnet50"  # also stands beside adaptive ResNets, in the same rounds


def spread_mask(frames, rt):
    """As `afnet bench network` forces it: round(rt T) frames, spread evenly."""
    selected = int(rt * frames + 0.5)
    return [(t + 1) * selected // frames - t * selected // frames for t in range(frames)]


def dtype(engine):
    return "bf16" if engine.endswith("-bf16") else "f32"


@dataclasses.dataclass(frozen=True)
class Participant:
    """One peer process, and afnet's network that it is held against: at the same ratio, at `against_rt`, or, where it
    runs densely, at all."""
    network: str
    engine: str
    form: str
    ratios: tuple
    against: str
    against_rt: float | None = None

    @property
    def name(self):
        return f"{self.network} {self.engine}" + (" gather" if self.form == "gather" else "")


@dataclasses.dataclass(frozen=True)
class Section:
    """What is timed in turn, in the same rounds."""
    title: str
    ours: tuple  # (network, ratios)
    peers: tuple


def sections(networks, engines):
    result = []
    for network in networks:
        if not BLOCKS[network]:
            peers = [Participant(network, engine, "dense", (1.0,), network)
                     for engine in engines if engine != "pytorch-unfolded"]
            result.append(Section(network, (network, (1.0,)), tuple(peers)))
            continue
        peers = []
        if network.startswith("af_resnet"):
            peers += [Participant(BASELINE, engine, "dense", (1.0,), network, RATIO)
                      for engine in engines if engine.startswith("openvino")]
        # What a dense export takes does not depend on the masks; both ratios of afnet are compared with it.
        peers += [Participant(network, engine, "dense", (RATIO,), network) for engine in engines]
        peers += [Participant(network, engine, "gather", (RATIO, 1.0), network)
                  for engine in engines if engine in GATHER_ENGINES]
        result.append(Section(network, (network, (1.0, RATIO)), tuple(peers)))
    return result
