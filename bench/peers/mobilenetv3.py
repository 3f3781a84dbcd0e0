"""AF-MobileNetV3 in PyTorch. TSM is part of it."""
import torch.nn.functional as F
from torch import nn

from layers import Attention, ConvNorm, FocalBlock, Linear, Navigation, consensus, fuse, run_stages, shift

# Stage: (name, blocks, fusion block, width of its attention); the latter two are None and 0 in a plain stage.
# Block: (kernel, in, hidden, out, stride, squeeze, activation).
STAGES = (
    ("head", ((3, 16, 16, 16, 1, 0, F.relu),), None, 0),
    ("stage1", ((3, 16, 64, 24, 2, 0, F.relu), (3, 24, 72, 24, 2, 0, F.relu)), None, 0),
    ("stage2", ((5, 24, 72, 40, 2, 24, F.relu), (5, 40, 120, 40, 1, 32, F.relu)), (5, 40, 120, 40, 2, 32, F.relu), 2),
    ("stage3", ((3, 40, 240, 80, 2, 0, F.hardswish), (3, 80, 200, 80, 1, 0, F.hardswish),
                (3, 80, 184, 80, 1, 0, F.hardswish)), (3, 80, 184, 80, 1, 0, F.hardswish), 5),
    ("stage4", ((3, 80, 480, 112, 1, 120, F.hardswish), (3, 112, 672, 112, 1, 168, F.hardswish)), None, 0),
    ("stage5", ((5, 112, 672, 160, 2, 168, F.hardswish), (5, 160, 960, 160, 1, 240, F.hardswish),
                (5, 160, 960, 160, 1, 240, F.hardswish)), None, 0),
)


class Branch(nn.Module):
    """Pointwise, depthwise, squeeze-and-excitation, pointwise; `groups` are those of the pointwise convolutions."""

    def __init__(self, source, key, block, stride, groups):
        super().__init__()
        kernel, ci, hidden, co, _, squeeze, self.activation = block
        names = iter((f"{key}.conv{i}", f"{key}.bn{i}") for i in (1, 2, 3))
        self.expand = ConvNorm(source, *next(names), ci, hidden, groups=groups) if ci != hidden else None
        self.spatial = ConvNorm(source, *next(names), hidden, hidden, kernel, stride, hidden)
        self.project = ConvNorm(source, *next(names), hidden, co, groups=groups)
        self.squeeze = squeeze > 0
        if self.squeeze:
            self.first = Linear(source, key + ".se.fc.0", hidden, squeeze)
            self.second = Linear(source, key + ".se.fc.2", squeeze, hidden)

    def forward(self, x):
        if self.expand is not None:
            x = self.activation(self.expand(x))
        x = self.spatial(x)
        if self.squeeze:
            gate = F.hardsigmoid(self.second(F.relu(self.first(x.mean((2, 3))))))
            x = x * gate.view(gate.shape[0], -1, 1, 1)
        return self.project(self.activation(x))


class InvertedResidual(nn.Module):
    def __init__(self, source, key, block, options):
        super().__init__()
        self.frames = options.frames
        self.branch = Branch(source, key, block, block[4], 1)
        self.residual = block[4] == 1 and block[1] == block[3]

    def forward(self, x):
        y = self.branch(shift(x, self.frames))
        return y + x if self.residual else y


class AdaptiveStage(nn.Module):
    def __init__(self, source, name, blocks, fusion, hidden, options):
        super().__init__()
        key, number = "features_" + name, name[-1]
        self.navigation, self.ample, self.focal = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i, block in enumerate(blocks):
            _, ci, _, co, stride, _, _ = block
            refine = f"{key}_refine.{i}"
            self.navigation.append(Navigation(source, f"list_gen{number}.{i}", ci, options.frames))
            self.ample.append(InvertedResidual(source, f"{key}_base.{i}", block, options))
            projection = ConvNorm(source, refine + ".res_connect.0", refine + ".res_connect.1", ci, co, groups=2) \
                if stride != 1 or ci != co else None
            self.focal.append(FocalBlock(Branch(source, refine, block, 1, 2), projection, False, True, options.frames,
                                         options.gather))
        self.attention = Attention(source, "att_gen" + number, fusion[1], hidden, True)
        self.fusion = InvertedResidual(source, key + "_fuse.0", fusion, options)

    def forward(self, x, thresholds):
        ample = focal = x
        for i, navigation in enumerate(self.navigation):
            mask = navigation(ample, thresholds[i])
            ample, focal = self.ample[i](ample), self.focal[i](focal, mask)
        return self.fusion(fuse(ample, focal, self.attention))


class AfMobileNetV3(nn.Module):
    def __init__(self, source, options):
        super().__init__()
        self.frames, self.adaptive = options.frames, True
        self.stem = ConvNorm(source, "conv", "bn", 3, 16, 3, 2)
        self.stages = nn.ModuleList()
        for name, blocks, fusion, hidden in STAGES:
            if fusion is not None:
                self.stages.append(AdaptiveStage(source, name, blocks, fusion, hidden, options))
            else:
                self.stages.extend(InvertedResidual(source, f"features_{name}.{i}", block, options)
                                   for i, block in enumerate(blocks))
        self.last = ConvNorm(source, "conv_last", "bn_last", 160, 960)
        self.hidden, self.fc = Linear(source, "fc.0", 960, 1280), Linear(source, "fc.3", 1280, options.classes)
        self.blocks = sum(len(stage.navigation) for stage in self.stages if isinstance(stage, AdaptiveStage))

    def forward(self, video, thresholds):
        x = run_stages(self.stages, AdaptiveStage, F.hardswish(self.stem(video)), thresholds)
        x = F.hardswish(self.last(x)).mean((2, 3))
        return consensus(self.fc(F.hardswish(self.hidden(x))), self.frames)
