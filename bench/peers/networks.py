"""The networks of the peers by the names that `afnet` gives them, with weights by the recipe."""
import dataclasses

import recipe
from mobilenetv3 import AfMobileNetV3
from resnet import ResNet

MODELS = {  # name without _tsm: depths, adaptive
    "resnet50": ((3, 4, 6, 3), False),
    "af_resnet50": ((3, 4, 6, 3), True),
    "af_resnet101": ((4, 8, 18, 3), True),
    "af_mobilenetv3": (None, True),
}


@dataclasses.dataclass
class Options:
    frames: int = 12
    classes: int = 174
    shift: bool = True
    gather: bool = False


class RecipeWeights:
    def __init__(self, fold, seed=1, gain=1.0):
        self.fold, self.seed, self.gain = fold, seed, gain

    def __call__(self, key, shape):
        return recipe.parameter(key, shape, self.seed, self.gain)


def build(name, frames=12, fold=True, gather=False, classes=174, seed=1, gain=1.0):
    """A network in evaluation mode. forward(video[, thresholds [blocks, b t]]) -> scores per frame and per clip."""
    shift = name.endswith("_tsm")
    depths, adaptive = MODELS[name.removesuffix("_tsm")]
    options = Options(frames, classes, shift, gather)
    source = RecipeWeights(fold, seed, gain)
    network = AfMobileNetV3(source, options) if depths is None else ResNet(source, depths, adaptive, options)
    return network.eval()

